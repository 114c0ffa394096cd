/**
 * The workloads for benches of servers. `gate` is the minimum of the CPU time of `ws` divided by our CPU time. It is null if there is no
 * required minimum. There are four kinds of traffic:
 *
 * - echo: each message is echoed. On each connection, `inFlight` messages are always under way
 * - sink: the server receives messages, and sends no replies
 * - broadcast: one connection sends a request. Then the server sends `inFlight` messages to each other connection, within one turn of the
 *   event loop
 * - handshake: a connection is opened and closed. `inFlight` connections do this at the same time
 *
 * @typedef {'echo' | 'sink' | 'broadcast' | 'handshake'} Kind
 * @typedef {{ kind: Kind, connections: number, inFlight: number, size: number, binary: boolean, secure: boolean, gate: number | null }}
 * Workload
 */

/**
 * @param {Kind} kind @param {number} size @param {number} inFlight @param {number} connections
 * @param {number | null} gate @param {boolean} [secure] @returns {Workload}
 */
function row(kind, size, inFlight, connections, gate, secure = false) {
  return { kind, size, inFlight, connections, binary: size >= 1024, secure, gate };
}

const KiB = 1024;
const MiB = 1024 * KiB;

/**
 * The workloads by name. The numbers in a name are the message size, the number of messages in flight, and the number of connections.
 * @type {Record<string, Workload>}
 */
export const workloads = {
  'ping-pong 64x1x64': row('echo', 64, 1, 64, null),
  'ping-pong 64x1x100': row('echo', 64, 1, 100, null),
  'ping-pong 64x1x10000': row('echo', 64, 1, 10_000, null),
  'text 16x16x32': row('echo', 16, 16, 32, null),
  'text 64x64x32': row('echo', 64, 64, 32, 8),
  'text 125x4x64': row('echo', 125, 4, 64, null),
  'binary 1Kx4x32': row('echo', KiB, 4, 32, null),
  'binary 16Kx2x16': row('echo', 16 * KiB, 2, 16, null),
  'binary 64Kx2x8': row('echo', 64 * KiB, 2, 8, null),
  'binary 1Mx1x4': row('echo', MiB, 1, 4, null),
  'binary 16Mx1x2': row('echo', 16 * MiB, 1, 2, null),
  'receive 16x64x16': row('sink', 16, 64, 16, null),
  'receive 125x64x16': row('sink', 125, 64, 16, null),
  'receive 1Mx1x4': row('sink', MiB, 1, 4, null),
  'broadcast 64x1x1000': row('broadcast', 64, 1, 1000, null),
  'broadcast 64x1x10000': row('broadcast', 64, 1, 10_000, null),
  'broadcast 64x16x10000': row('broadcast', 64, 16, 10_000, null),
  'broadcast 64x16x100': row('broadcast', 64, 16, 100, null),
  'handshake x32': row('handshake', 0, 32, 0, null),
  'tls ping-pong 64x1x64': row('echo', 64, 1, 64, null, true),
  'tls text 64x16x32': row('echo', 64, 16, 32, null, true),
  'tls binary 1Kx4x32': row('echo', KiB, 4, 32, null, true),
  'tls binary 64Kx2x8': row('echo', 64 * KiB, 2, 8, null, true),
  'tls binary 1Mx1x4': row('echo', MiB, 1, 4, null, true),
};

/** The workloads for the bench of clients. @type {Record<string, Workload>} */
export const clientWorkloads = {
  'client ping-pong 64x1x64': row('echo', 64, 1, 64, null),
  'client text 64x64x8': row('echo', 64, 64, 8, null),
  'client binary 16Kx2x8': row('echo', 16 * KiB, 2, 8, null),
  'client binary 1Mx1x4': row('echo', MiB, 1, 4, null),
};

/** Returns the size in bytes of a frame that the server sends in a workload. @param {{ size: number }} workload */
export function replySize({ size }) {
  return (size < 126 ? 2 : size < 65_536 ? 4 : 10) + size;
}
