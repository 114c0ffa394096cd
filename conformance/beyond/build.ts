/**
 * Functions that build the cases that Autobahn does not have. Each function is for one kind of outcome: the opening handshake succeeds or
 * is refused, the peer echoes a message, or the peer fails the connection. A function returns a case without its id. The position of the
 * case in its table becomes the last number of the id. So new cases are added at the end of a table.
 */

import type { AnswerExpectation, Case, Check, Event, HeadSpec, Level, Role, Step } from '../case/model.ts';
import { samePayload } from '../case/payload.ts';
import { awaits, close, closeAfter, failAfter, judgeCloses, messageEvent, text } from '../case/steps.ts';
import { describeEvents } from '../run/verdict.ts';

/** A case that is not numbered yet. */
export type Draft = Omit<Case, 'id'>;

/** The properties that all cases of a table have. */
export interface About {
  readonly section: string;
  readonly covers: readonly string[];
  /** @default 'MUST' */
  readonly level?: Level;
  readonly against?: Role;
}

/** The optional properties of a case. */
export type Extra = Partial<
  Pick<Case, 'deflate' | 'quirks' | 'request' | 'response' | 'level' | 'covers' | 'section' | 'informational'>
> & { readonly checks?: readonly Check[] };

/** Gives each case its id, by its position in the table: 20.1.1, 20.1.2 … for the group 20.1. */
export function numbered(group: string, drafts: readonly Draft[]): Case[] {
  return drafts.map((draft, i) => ({ id: `${group}.${i + 1}`, ...draft }));
}

function draft(
  description: string,
  about: About,
  expectation: string,
  { checks, ...extra }: Extra,
  rest: Pick<Case, 'steps' | 'expect'>,
): Draft {
  const { section, covers, level = 'MUST', against } = about;
  return {
    description,
    expectation,
    section,
    level,
    covers,
    ...(against !== undefined && { against }),
    ...extra,
    ...rest,
    expect: { ...rest.expect, ...(checks !== undefined && { checks }) },
  };
}

const hello = messageEvent('text', 'Hello');

/** Builds a case in which the peer has to cause these events. Then the judge closes. */
export function echoed(
  description: string,
  about: About,
  steps: readonly Step[],
  events: readonly Event[],
  extra: Extra = {},
): Draft {
  const expectation = `Expects ${describeEvents(events)}. Then the judge closes with 1000, and the peer has to answer.`;
  return draft(description, about, expectation, extra, {
    steps: [...steps, closeAfter(10)],
    expect: { events: { OK: events }, close: judgeCloses, closeWhenMet: true },
  });
}

/**
 * Builds a case in which a server has to accept this request, or a client has to accept this answer. Then the peer has to echo a message.
 */
export function opens(description: string, about: About, head: HeadSpec, extra: Extra = {}): Draft {
  const where = about.against === 'client' ? { response: head } : { request: head };
  return {
    ...echoed(description, about, [text('Hello')], [hello], { ...where, ...extra }),
    expectation: 'The connection has to open, and the peer has to echo a message.',
  };
}

/** Builds a case in which a server has to refuse this request. */
export function refused(
  description: string,
  about: About,
  request: HeadSpec,
  answer: AnswerExpectation = ['4xx'],
  extra: Extra = {},
): Draft {
  const statuses = answer.filter((one) => one !== 'end').join(' or ');
  const expectation = `The server has to answer with ${statuses}${answer.includes('end') ? ', or end TCP' : ''}.`;
  return draft(
    description,
    about,
    expectation,
    { request, ...extra },
    {
      steps: [],
      expect: { answer, close: { by: 'any', codes: 'any', clean: false } },
    },
  );
}

/** Builds a case in which a client has to refuse this 101. The client has to end TCP, and must send nothing. */
export function rejected(description: string, about: About, response: HeadSpec, extra: Extra = {}): Draft {
  return draft(
    description,
    about,
    'The client has to end TCP. It must not echo the message that follows this response.',
    { response, ...extra },
    {
      steps: [text('Hello'), failAfter(2)],
      expect: { events: { OK: [] }, close: { by: 'peer', codes: 'any', clean: false } },
    },
  );
}

/** Builds a case in which a client must not open a WebSocket after this answer. The judge ends TCP first. */
export function notOpened(description: string, about: About, response: HeadSpec, extra: Extra = {}): Draft {
  return draft(
    description,
    about,
    'The client has to end TCP. It must not send a frame.',
    { response, ...extra },
    {
      steps: [text('Hello'), { do: 'half-close' }, failAfter(2)],
      expect: {
        events: { OK: [] },
        close: { by: 'any', codes: 'any', clean: false },
        checks: [sendsNothing, ...(extra.checks ?? [])],
      },
    },
  );
}

export const sendsNothing: Check = ({ frames }) =>
  frames.length === 0 ? null : `The client sent ${frames.length} frames on a connection that is not open.`;

/** Builds a case in which the peer has to fail the connection with one of these codes, or by ending TCP. */
export function fails(
  description: string,
  about: About,
  steps: readonly Step[],
  codes: readonly number[],
  events: readonly Event[] = [],
  extra: Extra = {},
): Draft {
  const before = events.length === 0 ? 'The' : `Expects ${describeEvents(events)}. Then the`;
  const expectation = `${before} peer has to fail the connection with ${codes.join(' or ')}, or end TCP.`;
  return draft(description, about, expectation, extra, {
    steps: [...steps, failAfter(1)],
    expect: { events: { OK: events }, close: { by: 'peer', codes, clean: false } },
  });
}

/**
 * Builds a case in which the steps contain the Close frame of the judge. The peer has to answer with one of these codes or without a code.
 */
export function closes(
  description: string,
  about: About,
  steps: readonly Step[],
  codes: readonly number[],
  events: readonly Event[] = [],
  extra: Extra = {},
): Draft {
  const expectation = `Expects ${describeEvents(events)}, and a Close frame with ${codes.join(' or ')}, or without a code.`;
  return draft(
    description,
    about,
    expectation,
    { ...extra, checks: [silentBehindClose, ...(extra.checks ?? [])] },
    {
      steps: [...steps, failAfter(3)],
      expect: { events: { OK: events }, close: { by: 'judge', codes, clean: true }, wrongCodeFails: true },
    },
  );
}

/** Builds a case in which the judge compares the events, and the peer has to end the connection. Either end may be the first to close. */
export function ends(
  description: string,
  about: About,
  steps: readonly Step[],
  codes: readonly number[] | 'any',
  events: readonly Event[],
  extra: Extra = {},
): Draft {
  const how =
    codes === 'any' ? '' : ` If the peer sends a Close frame, the code has to be ${codes.join(' or ')}.`;
  const expectation = `Expects ${describeEvents(events)}, and that the peer ends the connection.${how}`;
  return draft(
    description,
    about,
    expectation,
    { ...extra, checks: [silentBehindClose, ...(extra.checks ?? [])] },
    {
      steps: [...steps, failAfter(3)],
      expect: { events: { OK: events }, close: { by: 'any', codes, clean: false } },
    },
  );
}

/** §5.5.1: an endpoint sends nothing after its Close frame. */
export const silentBehindClose: Check = ({ bytesAfterClose }) =>
  bytesAfterClose === 0 ? null : `${bytesAfterClose} bytes came after the peer's Close frame.`;

/** Builds a case in which the peer may echo the message or fail the connection. A peer that does neither fails the case. */
export function either(
  description: string,
  about: About,
  steps: readonly Step[],
  codes: readonly number[],
  events: readonly Event[] = [hello],
  extra: Extra = {},
): Draft {
  const expectation = `Expects ${describeEvents(events)}. Instead, the peer may fail the connection with ${codes.join(' or ')}, or end TCP.`;
  const check: Check = (seen) => {
    const prefix = seen.events.every((event, i) => sameAs(event, events[i]));
    if (prefix && seen.events.length === events.length) return null;
    if (!prefix)
      return `The judge received ${describeEvents(seen.events)}, but expected ${describeEvents(events)}.`;
    const failed = seen.firstClose === 'peer' || (seen.firstClose === null && seen.endedBy === 'peer');
    return failed ? null : 'The peer did not echo the message, and did not fail the connection.';
  };
  const count = events.filter(({ type }) => type === 'message').length;
  return draft(
    description,
    about,
    expectation,
    { ...extra, checks: [check, ...(extra.checks ?? [])] },
    {
      steps: [...steps, awaits('message', 20, 'echo', count), close(1000)],
      expect: { close: { by: 'any', codes: [1000, ...codes], clean: false } },
    },
  );
}

function sameAs(event: Event, other: Event | undefined): boolean {
  if (other === undefined || event.type === 'timeout' || other.type === 'timeout') return false;
  if (event.type !== other.type || !samePayload(event.payload, other.payload)) return false;
  return event.type !== 'message' || (other.type === 'message' && event.kind === other.kind);
}
