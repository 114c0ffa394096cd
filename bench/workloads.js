/** What the benches of echo servers send: size, messages in flight, connections. */

/**
 * `gate`: how many times the CPU of ours `ws` must need at least; null where nothing is promised.
 * @typedef {{ connections: number, inFlight: number, size: number, binary: boolean, gate: number | null }} Workload
 * @type {Record<string, Workload>}
 */
export const workloads = {
  // size x messages in flight x connections
  'ping-pong 64x1x64': { connections: 64, inFlight: 1, size: 64, binary: false, gate: null },
  'text 16x16x32': { connections: 32, inFlight: 16, size: 16, binary: false, gate: null },
  'text 64x64x32': { connections: 32, inFlight: 64, size: 64, binary: false, gate: 8 },
  'text 125x4x64': { connections: 64, inFlight: 4, size: 125, binary: false, gate: null },
  'binary 1Kx4x32': { connections: 32, inFlight: 4, size: 1024, binary: true, gate: null },
  'binary 64Kx2x8': { connections: 8, inFlight: 2, size: 65_536, binary: true, gate: null },
  'binary 1Mx1x4': { connections: 4, inFlight: 1, size: 1_048_576, binary: true, gate: null },
};

/** Bytes of a server's frame for a message of a workload. @param {{ size: number }} workload */
export function replySize({ size }) {
  return (size < 126 ? 2 : size < 65_536 ? 4 : 10) + size;
}
