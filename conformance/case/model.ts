/**
 * What a case is: data. It says what the judge sends and what it expects, once for both directions; run/ plays it
 * against a server or against a client. The small functions at the end make cases read like sentences.
 */

import type { ServerWish } from '../wire/deflate.ts';
import type { LengthForm } from '../wire/frame.ts';
import type { Observation } from './observation.ts';
import type { Payload } from './payload.ts';

/** RFC 2119, as the section that a case tests says it. */
export type Level = 'MUST' | 'SHOULD' | 'MAY';
export type Kind = 'text' | 'binary';
/** Who is under test. */
export type Role = 'server' | 'client';
export type Behavior = 'OK' | 'NON-STRICT' | 'INFORMATIONAL' | 'FAILED' | 'UNIMPLEMENTED';
export type BehaviorClose = 'OK' | 'FAILED' | 'WRONG CODE' | 'UNCLEAN' | 'FAILED BY CLIENT' | 'INFORMATIONAL';

/** Something that the peer did, or that did not happen in time. Pings and close frames do not count. */
export type Event =
  | { readonly type: 'message'; readonly kind: Kind; readonly payload: Payload }
  | { readonly type: 'pong'; readonly payload: Payload }
  | { readonly type: 'timeout'; readonly tag: string };

/** How bytes leave: in pieces of this many bytes, each a write of its own, or the whole in a write of its own. */
export interface Writing {
  readonly chop?: number;
  readonly ownWrite?: boolean;
}

/** One frame, legal or not. */
export interface FrameStep extends Writing {
  readonly do: 'frame';
  readonly opcode: number;
  readonly payload: Payload;
  /** @default true */
  readonly fin?: boolean;
  /** RSV1 = 4, RSV2 = 2, RSV3 = 1. @default 0, or 4 where compressed */
  readonly rsv?: number;
  /** 'as due': by a client, not by a server. A key in hex masks with it. @default 'as due' */
  readonly mask?: 'as due' | 'wrong way' | { readonly key: string };
  readonly lengthForm?: LengthForm;
  readonly declaredLength?: bigint;
  /** The payload is compressed as agreed (7692 §7.2.1), and RSV1 set unless `rsv` says otherwise. */
  readonly compress?: boolean;
  /** Only the header is sent; payload bytes follow as 'bytes'. They are masked with its key. */
  readonly headerOnly?: boolean;
}

/** A message in frames of so many bytes; one whose length is a multiple of it ends with an empty frame. */
export interface MessageStep extends Writing {
  readonly do: 'message';
  readonly kind: Kind;
  readonly payload: Payload;
  readonly fragmentSize: number;
  readonly compress?: boolean;
}

/** A Close frame. From here on the judge is closing. */
export interface CloseStep extends Writing {
  readonly do: 'close';
  readonly payload: Payload;
}

/** Bytes as they are, or as the next ones of a frame whose header was sent alone. */
export interface BytesStep extends Writing {
  readonly do: 'bytes';
  readonly bytes: Payload;
  /** They are payload of the last `headerOnly` frame. @default false */
  readonly ofFrame?: boolean;
}

/** Waits so long, less if the connection ends; with a tag, a connection still open is an event. */
export interface PauseStep {
  readonly do: 'pause';
  readonly seconds: number;
  readonly tag?: string;
  /** The peer ought to end the connection: the time factor gives it longer. @default false */
  readonly due?: boolean;
}

/** Waits until the peer did something, so and so often; if it does not in time, a 'timeout' event with this tag. */
export interface AwaitStep {
  readonly do: 'await';
  readonly what: 'message' | 'pong' | 'ping' | 'close' | 'end';
  /** In all, since the connection was opened. @default 1 */
  readonly count?: number;
  readonly seconds: number;
  readonly tag: string;
}

/** What is done to the socket. */
export interface SocketStep {
  readonly do: 'half-close' | 'reset' | 'stop reading' | 'resume reading';
}

/** Messages one by one, each sent when the last one's echo came. */
export interface LoopStep {
  readonly do: 'loop';
  readonly messages: { readonly full: number; readonly quick: number };
  readonly kind: Kind;
  /** The k-th message, counted from 0. */
  readonly source: (index: number) => Payload;
  /** What of an echo is compared. */
  readonly compare: 'length' | 'content';
  /** Bytes of the payload as sent (compressed, that is) per frame; null for one frame. */
  readonly fragmentSize: number | null;
  readonly compress: boolean;
  /** For all of them. */
  readonly seconds: number;
}

/** The time that the peer has left from here; then a connection that is still there is failed (1001), or closed without a code. */
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
 * A request or an answer that differs from the usual one. In texts, `{target}`, `{host}`, `{key}` and `{accept}` stand
 * for what is right on this connection.
 */
export interface HeadSpec {
  /** The first line. */
  readonly line?: string;
  /** Fields in place of the usual ones of that name: null leaves it out, an array repeats it. */
  readonly set?: Readonly<Record<string, string | readonly string[] | null>>;
  /** Whole lines after the usual ones. */
  readonly add?: readonly string[];
  /** The whole head as it is, in place of all of the above; nothing is appended. */
  readonly raw?: string;
  /** @default '\r\n' */
  readonly newline?: string;
  /** Bytes per write. @default all in one */
  readonly chop?: number;
  /** Seconds of silence before it. @default 0 */
  readonly delay?: number;
  /** Bytes after the head, in the same write. */
  readonly body?: Payload;
  /** The bytes of the first steps that are frames leave in the same write as the head. */
  readonly withFrames?: boolean;
}

/** permessage-deflate in a case; without it none is offered and every offer is declined. */
export interface DeflateSpec {
  /** The judge as a client: its Sec-WebSocket-Extensions. */
  readonly offer: string;
  /** The judge as a server: which offer suits, and what is asked of the client; tried in order. */
  readonly wishes: readonly ServerWish[];
  /** The judge as a server: this answer, whatever was offered. It is taken as agreed where it can be. */
  readonly answer?: string;
  /** To peers that do not agree to it the case does not apply: UNIMPLEMENTED, not FAILED. @default true */
  readonly optional?: boolean;
  /** The judge refers to earlier messages: to peers that agree, but to no takeover of the judge's, the case does not apply. */
  readonly needs?: 'takeover';
}

/** What the judge leaves undone, to see what the peer does. */
export interface Quirks {
  /** A Close frame of the peer gets no answer. */
  readonly ignoresClose?: boolean;
  /** Pings get no answer. */
  readonly ignoresPings?: boolean;
  /** As a server: TCP is not ended after the closing handshake. */
  readonly keepsTcp?: boolean;
}

/** How the connection has to end. */
export interface CloseExpectation {
  /** Whose Close frame, or whose end of TCP, comes first. */
  readonly by: 'judge' | 'peer' | 'any';
  /** What the peer's Close frame may carry; a Close frame without a code is always fine. */
  readonly codes: readonly number[] | 'any';
  /** Close frames from both sides, and then the server ends TCP first (§7.1.1). */
  readonly clean: boolean;
}

/** What a server has to answer to a request: its status, as `400`, `'4xx'`; or, with 'end', nothing but the end of TCP. */
export type AnswerExpectation = readonly (number | '2xx' | '3xx' | '4xx' | '5xx' | 'end')[];

/** What is expected of the peer. */
export interface Expectation {
  /** The whole list, in order; NON-STRICT for a second list that passes with that mark. Absent: not compared. */
  readonly events?: { readonly OK: readonly Event[]; readonly 'NON-STRICT'?: readonly Event[] };
  /** An echo of that kind and length, whatever it holds. */
  readonly echo?: { readonly kind: Kind; readonly length: number };
  readonly close: CloseExpectation;
  /** The judge closes with 1000 as soon as the events are the expected ones. @default false */
  readonly closeWhenMet?: boolean;
  /** A wrong close code, or the wrong side that closes first, costs the behavior too. @default false */
  readonly wrongCodeFails?: boolean;
  readonly wrongSideFails?: boolean;
  /** Servers: the answer to the request, where it is not 101. The case ends with it. */
  readonly answer?: AnswerExpectation;
  /** Servers: a refusal, with 4xx, 5xx or the end of TCP, is as good as an open connection. @default false */
  readonly mayRefuse?: boolean;
  /** Whatever else has to hold. */
  readonly checks?: readonly Check[];
}

/** Looks at what was seen. @returns what is wrong, as a sentence; null for nothing */
export type Check = (seen: Observation) => string | null;

/** A case. */
export interface Case {
  /** Numbers with dots: 1.1.1. Groups 1 to 13 are Autobahn's. */
  readonly id: string;
  /** What is sent, in a sentence. */
  readonly description: string;
  /** What is expected, in a sentence. */
  readonly expectation: string;
  /** What is tested: `6455 §5.2`, `7692 §7.1.2.1`. */
  readonly section: string;
  /** What becomes of a failure: MUST FAILED, SHOULD NON-STRICT, MAY INFORMATIONAL. Autobahn's cases are all judged as MUST. */
  readonly level: Level;
  /** Who can be tested with it. @default both */
  readonly against?: Role;
  /** No verdict: INFORMATIONAL, whatever the peer does. */
  readonly informational?: boolean;
  /** Rules of the requirements' list that it touches, by id: F16, C7. */
  readonly covers?: readonly string[];
  readonly request?: HeadSpec;
  readonly response?: HeadSpec;
  readonly deflate?: DeflateSpec;
  readonly quirks?: Quirks;
  readonly steps: readonly Step[];
  readonly expect: Expectation;
}

/** A group's or subgroup's title, by its id: '1', '1.1'. */
export type Titles = Readonly<Record<string, string>>;

/** Cases in order, with the titles of their groups. */
export interface Suite {
  readonly titles: Titles;
  readonly cases: readonly Case[];
}
