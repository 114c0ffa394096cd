/**
 * Functions that build the cases beyond Autobahn's. In a case the opening handshake succeeds or is refused, the peer echoes, or the peer
 * fails the connection. In some cases the peer may do either. A function returns a case without its id. The position in its table becomes
 * the last number of the id, so new cases are added at the end.
 */

import type { AnswerExpectation, Case, Check, Event, HeadSpec, Level, Role, Step } from '../case/model.ts';
import { samePayload } from '../case/payload.ts';
import { awaits, close, closeAfter, failAfter, judgeCloses, messageEvent, text } from '../case/steps.ts';
import { describeEvents } from '../run/verdict.ts';

/** A case that is not numbered yet. */
export type Draft = Omit<Case, 'id'>;

/** What the cases of a table share. */
export interface About {
  readonly section: string;
  readonly covers: readonly string[];
  /** @default 'MUST' */
  readonly level?: Level;
  readonly against?: Role;
}

/** What may be changed in any case. */
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
  const expectation = `Expects ${describeEvents(events)}; then closes with 1000, which the peer answers.`;
  return draft(description, about, expectation, extra, {
    steps: [...steps, closeAfter(10)],
    expect: { events: { OK: events }, close: judgeCloses, closeWhenMet: true },
  });
}

/** Builds a case in which a server has to accept this request, or a client this answer. The peer then has to echo a message. */
export function opens(description: string, about: About, head: HeadSpec, extra: Extra = {}): Draft {
  const where = about.against === 'client' ? { response: head } : { request: head };
  return {
    ...echoed(description, about, [text('Hello')], [hello], { ...where, ...extra }),
    expectation: 'Expects that the connection opens, and the echo of a message.',
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
  const words = answer.map((one) => (one === 'end' ? 'the end of TCP' : one)).join(' or ');
  const expectation = `Expects ${words}${answer.includes(101) ? '' : ', and no 101'}.`;
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

/** Builds a case in which a client has to refuse this 101: it has to end TCP, and must send nothing. */
export function rejected(description: string, about: About, response: HeadSpec, extra: Extra = {}): Draft {
  return draft(
    description,
    about,
    'Expects that the client ends TCP and sends back nothing of the message after the answer.',
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
    'Expects that the client sends no frame, and ends TCP too.',
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

/** Builds a case in which the peer has to fail the connection. It does so with one of these codes, or by ending TCP. */
export function fails(
  description: string,
  about: About,
  steps: readonly Step[],
  codes: readonly number[],
  events: readonly Event[] = [],
  extra: Extra = {},
): Draft {
  const before = events.length === 0 ? '' : `${describeEvents(events)}; then `;
  const expectation = `Expects ${before}that the peer fails the connection, with ${codes.join(' or ')} or by ending TCP.`;
  return draft(description, about, expectation, extra, {
    steps: [...steps, failAfter(1)],
    expect: { events: { OK: events }, close: { by: 'peer', codes, clean: false } },
  });
}

/** Builds a case whose steps contain the Close frame of the judge. The peer has to answer with one of these codes or without a code. */
export function closes(
  description: string,
  about: About,
  steps: readonly Step[],
  codes: readonly number[],
  events: readonly Event[] = [],
  extra: Extra = {},
): Draft {
  const expectation = `Expects ${describeEvents(events)}, and a Close frame with ${codes.join(' or ')}, or no code.`;
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

/** Builds a case in which only the events are checked, and the peer has to end the connection. Either end may begin to close. */
export function ends(
  description: string,
  about: About,
  steps: readonly Step[],
  codes: readonly number[] | 'any',
  events: readonly Event[],
  extra: Extra = {},
): Draft {
  const how = codes === 'any' ? '' : `, with ${codes.join(' or ')} where it sends a Close frame`;
  const expectation = `Expects ${describeEvents(events)}, and that the peer ends the connection${how}.`;
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

/** §5.5.1: nothing follows a Close frame. */
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
  const expectation = `Expects ${describeEvents(events)}, or that the peer fails the connection, with ${codes.join(' or ')} or by ending TCP.`;
  const check: Check = (seen) => {
    const prefix = seen.events.every((event, i) => sameAs(event, events[i]));
    if (prefix && seen.events.length === events.length) return null;
    if (!prefix) return `The events are ${describeEvents(seen.events)}, expected ${describeEvents(events)}.`;
    const failed = seen.firstClose === 'peer' || (seen.firstClose === null && seen.endedBy === 'peer');
    return failed ? null : 'The peer neither sent back the message nor failed the connection.';
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
