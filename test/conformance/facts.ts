/**
 * Writes the facts about one of Autobahn's cases as lines of text: once from our case, and once from the recorded list of facts. The list
 * is not in the repository. The tests need only autobahn-facts.json, which contains the digests of the lines.
 */
import { createHash } from 'node:crypto';
import type { Case, Event, Step } from '../../conformance/case/model.ts';
import { bytesOf, type Payload } from '../../conformance/case/payload.ts';

const sha = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** Returns the digest of a case's lines. */
export function digestOf(lines: readonly string[]): string {
  return sha(lines.join('\n')).slice(0, 16);
}

function payloadLine(payload: Payload): string {
  return `${payload.length}:${sha(bytesOf(payload)).slice(0, 16)}`;
}

function eventLine(event: Event): string {
  if (event.type === 'timeout') return `timeout ${event.tag}`;
  const kind = event.type === 'message' ? ` ${event.kind}` : '';
  return `${event.type}${kind} ${payloadLine(event.payload)}`;
}

function stepLines(step: Step): string[] {
  switch (step.do) {
    case 'frame': {
      const { opcode, fin = true, rsv = 0, chop = 0, ownWrite = false } = step;
      if (step.headerOnly === true) return [`header ${opcode} ${fin} ${rsv} ${step.declaredLength}`];
      return [`frame ${opcode} ${fin} ${rsv} ${payloadLine(step.payload)} ${chop} ${ownWrite}`];
    }
    case 'message':
      return [`message ${step.kind} ${step.fragmentSize} ${payloadLine(step.payload)}`];
    case 'close':
      return [`close ${payloadLine(step.payload)}`];
    case 'bytes':
      return [`octets ${payloadLine(step.bytes)}`];
    case 'pause':
      return [`pause ${step.seconds} ${step.tag ?? ''}`];
    case 'limit':
      return [`limit ${step.seconds} ${step.otherwise}`];
    case 'loop': {
      const { messages, kind, seconds, compare, fragmentSize } = step;
      return [`loop ${messages.full} ${kind} ${seconds} ${compare} ${fragmentSize}`];
    }
    default:
      return [step.do];
  }
}

/** Returns a line with the length of the first message of a loop. If the text is compared, the unit is code points, and otherwise bytes. */
function loopLength(one: Case): string[] {
  const [step] = one.steps;
  if (step?.do !== 'loop') return [];
  const bytes = bytesOf(step.source(0));
  const units = step.kind === 'text' && step.compare === 'content' ? [...bytes.toString()] : bytes;
  return [`length ${units.length}`];
}

/** Returns the lines of one of our cases. */
export function linesOfCase(one: Case): string[] {
  const {
    events,
    echo,
    close,
    closeWhenMet = false,
    wrongCodeFails = false,
    wrongSideFails = false,
  } = one.expect;
  const codes = close.codes === 'any' ? ['any'] : close.codes;
  const informational = one.informational === true;
  const loop = one.steps[0]?.do === 'loop';
  return [
    one.id,
    ...one.steps.flatMap(stepLines),
    ...loopLength(one),
    ...(one.deflate === undefined ? [] : [`offer ${one.deflate.offer}`]),
    ...Object.entries(events ?? {}).map(([name, list]) => `${name} ${list.map(eventLine).join(', ')}`),
    ...(echo === undefined ? [] : [`echo ${echo.kind} ${echo.length}`]),
    `closed by ${close.by} ${codes.join()} ${close.clean}`,
    `closes when met ${loop || closeWhenMet}`,
    informational ? 'informational' : `wrong code ${wrongCodeFails}, wrong side ${wrongSideFails}`,
  ];
}

/** The parts of the list of facts that the tests compare. */
export interface Facts {
  // biome-ignore lint/suspicious/noExplicitAny: foreign JSON
  readonly cases: readonly any[];
}

interface FactPayload {
  readonly length: number;
  readonly hex?: string;
  readonly repeatHex?: string;
}

function factPayload({ length, hex = '', repeatHex }: FactPayload): string {
  const bytes =
    repeatHex === undefined ? Buffer.from(hex, 'hex') : Buffer.alloc(length, Buffer.from(repeatHex, 'hex'));
  return payloadLine(bytes);
}

// biome-ignore lint/suspicious/noExplicitAny: foreign JSON
function factStep(step: any): string {
  switch (step.do) {
    case 'frame':
      return `frame ${step.opcode} ${step.fin} ${step.rsv} ${factPayload(step.payload)} ${step.chopOctets ?? 0} ${step.ownWrite ?? false}`;
    case 'frameHeader':
      return `header ${step.opcode} ${step.fin} ${step.rsv} ${step.declaredLength}`;
    case 'framePayloadOctets':
      return `octets ${factPayload(step.payload)}`;
    case 'fragmentedMessage':
      return `message ${step.kind} ${step.fragmentSize} ${factPayload(step.payload)}`;
    case 'closeFrame':
      return `close ${factPayload(step.payload)}`;
    case 'pause':
      return `pause ${step.seconds} ${step.recordsEventIfStillOpen?.[1] ?? ''}`;
    default:
      return `limit ${step.seconds} ${step.then}`;
  }
}

/** Returns the same lines for one case of the recorded list. */
// biome-ignore lint/suspicious/noExplicitAny: foreign JSON
export function linesOfFact(fact: any): string[] {
  const { loop, close, verdicts } = fact;
  const compare = loop?.checks.length === 3 ? 'content' : 'length';
  // biome-ignore lint/suspicious/noExplicitAny: foreign JSON
  const event = (list: any[]): string =>
    list.map((part) => (typeof part === 'object' ? factPayload(part) : part)).join(' ');
  // biome-ignore lint/suspicious/noExplicitAny: foreign JSON
  const events = Object.entries<any[][]>(fact.expectEvents ?? {});
  const informational = verdicts['events=OK']?.[0] === 'INFORMATIONAL';
  const codeFails = verdicts['OK+peerCodeOther(4321)']?.[0] === 'FAILED';
  const sideFails = verdicts['OK+otherSideClosedFirst']?.[0] === 'FAILED';
  return [
    fact.id,
    ...(fact.steps ?? []).map(factStep),
    ...(loop === undefined
      ? []
      : [
          `loop ${loop.messages} ${loop.messageType} ${loop.timeLimitSeconds} ${compare} ${loop.fragmentCompressedPayloadTo ?? null}`,
          `length ${loop.length}`,
        ]),
    ...(fact.extension === undefined
      ? []
      : [`offer ${fact.extension.offerWhenFuzzerIsClient.replace('Sec-WebSocket-Extensions: ', '')}`]),
    ...events.map(([name, list]) => `${name} ${list.map(event).join(', ')}`),
    ...(fact.expectEcho === undefined ? [] : [`echo ${fact.expectEcho.type} ${fact.expectEcho.length}`]),
    `closed by ${close.firstCloseFrameFrom === 'fuzzer' ? 'judge' : 'peer'} ${close.peerCodesAllowed.join()} ${close.closingHandshakeRequired}`,
    `closes when met ${fact.fuzzerClosesWith1000OnceEventsMatch}`,
    informational ? 'informational' : `wrong code ${codeFails}, wrong side ${sideFails}`,
  ];
}
