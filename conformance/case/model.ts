/**
 * The types of a case. A case is data: it states what the judge (this test program) sends, and what the peer has to do. The same case can
 * test a server or a client. The files in run/ play a case against a peer.
 */

import type { ServerWish } from '../wire/deflate.ts';
import type { LengthForm } from '../wire/frame.ts';
import type { Observation } from './observation.ts';
import type { Payload } from './payload.ts';

/** The keyword of RFC 2119 in the section that a case tests. */
export type Level = 'MUST' | 'SHOULD' | 'MAY';
export type Kind = 'text' | 'binary';
/** Which kind of peer is under test. */
export type Role = 'server' | 'client';
export type Behavior = 'OK' | 'NON-STRICT' | 'INFORMATIONAL' | 'FAILED' | 'UNIMPLEMENTED';
export type BehaviorClose = 'OK' | 'FAILED' | 'WRONG CODE' | 'UNCLEAN' | 'FAILED BY CLIENT' | 'INFORMATIONAL';

/** A message or a pong of the peer, or a timeout of the judge. Pings and Close frames of the peer are not events. */
export type Event =
  | { readonly type: 'message'; readonly kind: Kind; readonly payload: Payload }
  | { readonly type: 'pong'; readonly payload: Payload }
  | { readonly type: 'timeout'; readonly tag: string };

/**
 * How the judge writes bytes. `chop` splits the bytes into writes of this size. `ownWrite` sends the bytes in a separate write.
 */
export interface Writing {
  readonly chop?: number;
  readonly ownWrite?: boolean;
}

/** One frame, valid or invalid. */
export interface FrameStep extends Writing {
  readonly do: 'frame';
  readonly opcode: number;
  readonly payload: Payload;
  /** @default true */
  readonly fin?: boolean;
  /** RSV1 = 4, RSV2 = 2, RSV3 = 1. @default 0, or 4 if the payload is compressed */
  readonly rsv?: number;
  /**
   * 'as due': the frame is masked if the judge is the client. 'wrong way': the frame is masked if the judge is the server. A `key`: the
   * frame is masked with this key (in hex).
   * @default 'as due'
   */
  readonly mask?: 'as due' | 'wrong way' | { readonly key: string };
  readonly lengthForm?: LengthForm;
  readonly declaredLength?: bigint;
  /** If true, the judge compresses the payload as negotiated (7692 §7.2.1). The judge also sets RSV1 if `rsv` is absent. */
  readonly compress?: boolean;
  /** If true, the judge sends only the header. Steps of kind 'bytes' then send the payload, masked with the key of the header. */
  readonly headerOnly?: boolean;
}

/**
 * A message in frames of `fragmentSize` bytes. If the length of the message is a multiple of this size, an empty frame ends the message.
 */
export interface MessageStep extends Writing {
  readonly do: 'message';
  readonly kind: Kind;
  readonly payload: Payload;
  readonly fragmentSize: number;
  readonly compress?: boolean;
}

/** A Close frame of the judge. With this step the judge begins to close. */
export interface CloseStep extends Writing {
  readonly do: 'close';
  readonly payload: Payload;
}

/** Sends raw bytes. With `ofFrame`, sends the next payload bytes of a `headerOnly` frame. */
export interface BytesStep extends Writing {
  readonly do: 'bytes';
  readonly bytes: Payload;
  /** If true, the bytes are payload of the last `headerOnly` frame. @default false */
  readonly ofFrame?: boolean;
}

/**
 * Waits for these seconds, or until the connection ends. If the connection is still open after that, and the step has a tag, a 'timeout'
 * event with this tag occurs.
 */
export interface PauseStep {
  readonly do: 'pause';
  readonly seconds: number;
  readonly tag?: string;
  /** If true, the peer has to end the connection during the pause. The time factor then prolongs the pause. @default false */
  readonly due?: boolean;
}

/** Waits until the peer has done something `count` times. If the time runs out first, a 'timeout' event with this tag occurs. */
export interface AwaitStep {
  readonly do: 'await';
  readonly what: 'message' | 'pong' | 'ping' | 'close' | 'end';
  /** The number of times, counted from the opening of the connection. @default 1 */
  readonly count?: number;
  readonly seconds: number;
  readonly tag: string;
}

/** What the judge does to the socket. */
export interface SocketStep {
  readonly do: 'half-close' | 'reset' | 'stop reading' | 'resume reading';
}

/** Sends messages, each after the echo of the previous message has arrived. */
export interface LoopStep {
  readonly do: 'loop';
  readonly messages: { readonly full: number; readonly quick: number };
  readonly kind: Kind;
  /** Returns the message with this index. The first index is 0. */
  readonly source: (index: number) => Payload;
  /** The property of an echo that the judge compares with the message. */
  readonly compare: 'length' | 'content';
  /** The number of payload bytes in each frame, after compression. null means one frame for the whole message. */
  readonly fragmentSize: number | null;
  readonly compress: boolean;
  /** The time limit for all messages of the loop. */
  readonly seconds: number;
}

/**
 * Gives the peer some seconds to end the connection. If the connection is open after that, the judge fails the connection with 1001, or
 * closes the connection without a code.
 */
export interface LimitStep {
  readonly do: 'limit';
  readonly seconds: number;
  readonly otherwise: 'fail' | 'close';
}

export type Step =
  | FrameStep
  | MessageStep
  | CloseStep
  | BytesStep
  | PauseStep
  | AwaitStep
  | SocketStep
  | LoopStep
  | LimitStep;

/**
 * A request or an answer that differs from the usual one. The judge replaces `{target}`, `{host}`, `{key}` and `{accept}` by the correct
 * values for the connection.
 */
export interface HeadSpec {
  /** The first line. */
  readonly line?: string;
  /** Header fields that replace the usual fields of the same names. null omits a field, and an array repeats it. */
  readonly set?: Readonly<Record<string, string | readonly string[] | null>>;
  /** Additional lines after the usual lines. */
  readonly add?: readonly string[];
  /** The whole head as text. `line`, `set`, `add` and `newline` then have no effect. */
  readonly raw?: string;
  /** @default '\r\n' */
  readonly newline?: string;
  /** Bytes per write. @default all in one */
  readonly chop?: number;
  /** Seconds of silence before the head. @default 0 */
  readonly delay?: number;
  /** Bytes after the head, in the same write. */
  readonly body?: Payload;
  /** If true, the frames at the beginning of the steps are sent in the same write as the head. */
  readonly withFrames?: boolean;
}

/** How a case negotiates permessage-deflate. Without a `DeflateSpec`, the judge does not offer the extension, and declines every offer. */
export interface DeflateSpec {
  /** The Sec-WebSocket-Extensions that the judge sends as a client. */
  readonly offer: string;
  /**
   * For the judge as a server: what the offer has to contain, and what the judge requests of the client. The judge tries the wishes in
   * order.
   */
  readonly wishes: readonly ServerWish[];
  /**
   * The value of Sec-WebSocket-Extensions in the judge's answer as a server, no matter what the client offered. If the parameters are
   * valid, they apply.
   */
  readonly answer?: string;
  /**
   * If true, the case does not apply to a peer that does not agree to the extension. The verdict is then UNIMPLEMENTED, not FAILED.
   * @default true
   */
  readonly optional?: boolean;
  /**
   * With 'takeover', the messages of the judge refer to earlier messages. The case does not apply to a peer that forbids context
   * takeover to the judge.
   */
  readonly needs?: 'takeover';
}

/** What the judge does not do in a case, in order to test how the peer reacts. */
export interface Quirks {
  /** If true, the judge does not answer a Close frame of the peer. */
  readonly ignoresClose?: boolean;
  /** If true, the judge does not answer pings. */
  readonly ignoresPings?: boolean;
  /** If true, the judge as a server does not end TCP after the closing handshake. */
  readonly keepsTcp?: boolean;
}

/** How the connection has to end. */
export interface CloseExpectation {
  /** Which end has to be the first to send a Close frame or to end TCP. */
  readonly by: 'judge' | 'peer' | 'any';
  /** The codes that the Close frame of the peer may have. A Close frame without a code is always accepted. */
  readonly codes: readonly number[] | 'any';
  /** If true, both ends have to send a Close frame, and the server has to end TCP first (§7.1.1). */
  readonly clean: boolean;
}

/** How a server may answer a request: statuses such as `400` or `'4xx'`. With 'end', the server may also end TCP without an answer. */
export type AnswerExpectation = readonly (number | '2xx' | '3xx' | '4xx' | '5xx' | 'end')[];

/** What is expected of the peer. */
export interface Expectation {
  /** All events in order. A peer that causes the events of the second list passes as NON-STRICT. If absent, events are not compared. */
  readonly events?: { readonly OK: readonly Event[]; readonly 'NON-STRICT'?: readonly Event[] };
  /** The kind and the length of the echo. The judge does not compare the content of the echo. */
  readonly echo?: { readonly kind: Kind; readonly length: number };
  readonly close: CloseExpectation;
  /** If true, the judge closes with 1000 when all expected events have happened. @default false */
  readonly closeWhenMet?: boolean;
  /**
   * If true, a wrong close code also makes the verdict `behavior` FAILED. `wrongSideFails` does the same if the wrong end closes first.
   * @default false
   */
  readonly wrongCodeFails?: boolean;
  readonly wrongSideFails?: boolean;
  /** For servers: the accepted answers, if the server has to refuse the request. The case ends with the answer. */
  readonly answer?: AnswerExpectation;
  /** For servers: if true, the server may also refuse the request, with 4xx, 5xx or the end of TCP. @default false */
  readonly mayRefuse?: boolean;
  /** Further checks that must find no fault. */
  readonly checks?: readonly Check[];
}

/** Checks an observation. @returns a sentence that states a fault of the peer, or null if there is no fault */
export type Check = (seen: Observation) => string | null;

export interface Case {
  /** Numbers with dots, such as 1.1.1. The groups 1 to 13 come from Autobahn. */
  readonly id: string;
  /** A sentence about what the judge sends. */
  readonly description: string;
  /** A sentence about what the peer has to do. */
  readonly expectation: string;
  /** The section that the case tests, such as `6455 §5.2` or `7692 §7.1.2.1`. */
  readonly section: string;
  /**
   * Determines the verdict if the peer breaks the rule: FAILED for MUST, NON-STRICT for SHOULD, INFORMATIONAL for MAY. All cases of
   * Autobahn have the level MUST.
   */
  readonly level: Level;
  /** The kind of peer that can be tested with the case. @default both */
  readonly against?: Role;
  /** If true, the verdict is always INFORMATIONAL. */
  readonly informational?: boolean;
  /** The ids of the requirements that the case tests, such as F16 and C7. docs/requirements.txt lists the requirements. */
  readonly covers?: readonly string[];
  readonly request?: HeadSpec;
  readonly response?: HeadSpec;
  readonly deflate?: DeflateSpec;
  readonly quirks?: Quirks;
  readonly steps: readonly Step[];
  readonly expect: Expectation;
}

/** Maps the id of a group or a subgroup, such as '1' or '1.1', to its title. */
export type Titles = Readonly<Record<string, string>>;

/** A list of cases in order, with the titles of their groups. */
export interface Suite {
  readonly titles: Titles;
  readonly cases: readonly Case[];
}
