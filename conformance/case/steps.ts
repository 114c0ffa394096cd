/**
 * Short functions that create steps, events and expectations. The definitions of cases use these functions.
 */

import type {
  AwaitStep,
  CloseExpectation,
  CloseStep,
  Event,
  Expectation,
  FrameStep,
  Kind,
  LimitStep,
  MessageStep,
  PauseStep,
} from './model.ts';
import { type Payload, payloadOf } from './payload.ts';

/** The optional properties of a frame. */
type FrameOptions = Partial<Omit<FrameStep, 'do' | 'opcode' | 'payload'>>;

/** A frame with any opcode. */
export function frame(opcode: number, payload: string | Payload = '', options: FrameOptions = {}): FrameStep {
  return { do: 'frame', opcode, payload: payloadOf(payload), ...options };
}
export const continuation = (payload: string | Payload = '', options?: FrameOptions): FrameStep =>
  frame(0, payload, options);
export const text = (payload: string | Payload = '', options?: FrameOptions): FrameStep =>
  frame(1, payload, options);
export const binary = (payload: string | Payload = '', options?: FrameOptions): FrameStep =>
  frame(2, payload, options);
export const ping = (payload: string | Payload = '', options?: FrameOptions): FrameStep =>
  frame(9, payload, options);
export const pong = (payload: string | Payload = '', options?: FrameOptions): FrameStep =>
  frame(10, payload, options);

/** Creates a message in frames of `fragmentSize` bytes. */
export function message(kind: Kind, payload: string | Payload, fragmentSize: number): MessageStep {
  return { do: 'message', kind, payload: payloadOf(payload), fragmentSize };
}

/** Creates a Close frame with a code and a reason, or with the given bytes as payload. */
export function close(code?: number | Buffer, reason: string | Buffer = ''): CloseStep {
  if (code === undefined) return { do: 'close', payload: Buffer.alloc(0) };
  if (Buffer.isBuffer(code)) return { do: 'close', payload: code };
  return {
    do: 'close',
    payload: Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason as string)]),
  };
}

export const pause = (seconds: number, tag?: string): PauseStep => ({
  do: 'pause',
  seconds,
  ...(tag !== undefined && { tag }),
});
/** Creates a pause in which the peer has to end the connection. */
export const due = (seconds: number, tag: string): PauseStep => ({ do: 'pause', seconds, tag, due: true });
export const awaits = (what: AwaitStep['what'], seconds: number, tag: string, count = 1): AwaitStep => ({
  do: 'await',
  what,
  seconds,
  tag,
  count,
});
/**
 * `failAfter` and `closeAfter` create the last step of a case. The peer has these seconds to end the connection. After that, the judge
 * fails the connection, or closes the connection.
 */
export const failAfter = (seconds: number): LimitStep => ({ do: 'limit', seconds, otherwise: 'fail' });
export const closeAfter = (seconds: number): LimitStep => ({ do: 'limit', seconds, otherwise: 'close' });

export const messageEvent = (kind: Kind, payload: string | Payload = ''): Event => ({
  type: 'message',
  kind,
  payload: payloadOf(payload),
});
export const pongEvent = (payload: string | Payload = ''): Event => ({
  type: 'pong',
  payload: payloadOf(payload),
});
export const timeoutEvent = (tag: string): Event => ({ type: 'timeout', tag });

/** Expects that the judge closes and the peer answers with 1000 or without a code. */
export const judgeCloses: CloseExpectation = { by: 'judge', codes: [1000], clean: true };
/** Expects that the peer fails the connection, with one of these codes or without a Close frame (§7.1.7). */
export const peerFails = (...codes: number[]): CloseExpectation => ({ by: 'peer', codes, clean: false });
/** Expects that a client refuses an answer. The client ends TCP, and does not echo the frames after the answer. */
export const clientRefuses: Expectation = {
  events: { OK: [] },
  close: { by: 'peer', codes: 'any', clean: false },
};
