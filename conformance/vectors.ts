/**
 * Cases as test vectors: bytes that come in, and what an endpoint has to make of them, as plain JSON that unit tests of
 * any language can load. Only cases that are a matter of bytes are among them, and none is about the opening handshake, TCP, time
 * or masking keys.
 */

import type { Case, Event, Kind, Role, Step } from './case/model.ts';
import { bytesOf } from './case/payload.ts';
import { type Selection, select } from './case/select.ts';
import { allCases } from './cases.ts';
import { answerOffer, Deflate, type DeflateParams } from './wire/deflate.ts';
import { encodeFrame, encodeHeader, mask } from './wire/frame.ts';

/** What an endpoint has to report, in order: each message that is complete, each pong that it sends. */
export type VectorEvent =
  | { readonly type: 'message'; readonly kind: Kind; readonly hex: string }
  | { readonly type: 'pong'; readonly hex: string };

/** One vector. */
export interface Vector {
  /** The case: `conform explain` tells of it, and `conform server` and `client` play it. */
  readonly id: string;
  readonly description: string;
  readonly section: string;
  /** If it is MUST, nothing else is right; with SHOULD or MAY something else may be. */
  readonly level: Case['level'];
  /** Who is under test: to a server frames come masked, to a client they do not. */
  readonly role: Role;
  /** What permessage-deflate was agreed to, as Sec-WebSocket-Extensions says it; null for no extension. */
  readonly extensions: string | null;
  /** The bytes that come in, in hex. How they are cut must not matter. */
  readonly input: string;
  readonly events: readonly VectorEvent[];
  /** Also right, as NON-STRICT; null for nothing. */
  readonly tolerated: readonly VectorEvent[] | null;
  /**
   * `open`: the connection is as it was. `failed`: the endpoint fails it, with a Close frame of one of these codes or
   * without a code, or without a Close frame. `closed`: a Close frame came, which it answers or fails the connection for,
   * with one of these codes or without one.
   */
  readonly outcome: 'open' | 'failed' | 'closed';
  readonly codes: readonly number[];
}

/** Vectors of more bytes would be files of megabytes. */
const LONGEST = 20_000;
/** Limits and time are no matter of bytes, nor are the keys that a client masks with: groups and subgroups by their ids. */
const without: readonly string[] = ['22.2.', '22.4.', '27.', '29.'];
/** How many messages of a loop are in its vector. */
const LOOP_MESSAGES = 3;
/** Any key is fine; one that changes would change the file. */
const usualKey = Buffer.from('37fa213d', 'hex');
/** What a client is taken to offer, and what is then agreed. */
const usualOffer = 'permessage-deflate; client_max_window_bits';

/** What was agreed in a case; a string where the case can be no vector. */
function agreementOf(
  one: Case,
  role: Role,
): { readonly text: string; readonly params: DeflateParams } | null | 'none fits' {
  if (one.deflate === undefined) return null;
  if (one.deflate.answer !== undefined || one.deflate.optional === false) return 'none fits';
  const { offer, wishes } = one.deflate;
  if (role === 'client') return answerOffer(usualOffer, wishes) ?? 'none fits';
  // What the client promises, the server takes up.
  const promised = offer.includes('client_no_context_takeover');
  return answerOffer(offer, [promised ? { clientNoContextTakeover: true } : {}]) ?? 'none fits';
}

/** Writes the bytes of steps, as the peer of who is under test. */
class Writer {
  readonly bytes: Buffer[] = [];
  closes = false;
  private readonly masks: boolean;
  private readonly deflate: Deflate | null;
  private openKey: Buffer | null = null;
  private offset = 0;

  constructor(role: Role, params: DeflateParams | null) {
    this.masks = role === 'server';
    this.deflate = params && new Deflate(params, role === 'server' ? 'client' : 'server');
  }

  /** @returns whether the step is a matter of bytes */
  play(step: Step): boolean {
    const link = { continueFrame: (content: Buffer) => this.continueFrame(content) };
    switch (step.do) {
      case 'frame':
        this.frame(step);
        return true;
      case 'message':
        this.message(
          step.kind,
          this.compressed(bytesOf(step.payload), step.compress),
          step.fragmentSize,
          step.compress,
        );
        return true;
      case 'close':
        this.closes = true;
        this.add(8, bytesOf(step.payload));
        return true;
      case 'bytes': {
        const bytes = bytesOf(step.bytes);
        return this.write(step.ofFrame === true ? link.continueFrame(bytes) : bytes, step);
      }
      case 'loop':
        for (let index = 0; index < LOOP_MESSAGES; index++) {
          const bytes = this.compressed(bytesOf(step.source(index)), step.compress);
          this.message(step.kind, bytes, step.fragmentSize ?? Number.POSITIVE_INFINITY, step.compress);
        }
        return true;
      case 'pause':
        return step.due !== true;
      case 'await':
        return step.what !== 'end';
      default:
        return step.do === 'limit';
    }
  }

  private write(content: Buffer, _step: Step): true {
    this.bytes.push(content);
    return true;
  }

  /** The next payload bytes of a frame whose header was written alone. */
  private continueFrame(content: Buffer): Buffer {
    const masked = this.openKey === null ? content : mask(content, this.openKey, this.offset);
    this.offset += content.length;
    return masked;
  }

  private frame(step: Step & { do: 'frame' }): void {
    const { opcode, fin = true, compress = false, mask: how = 'as due', lengthForm, declaredLength } = step;
    const payload = this.compressed(bytesOf(step.payload), compress);
    const due = this.masks ? usualKey : null;
    const wrong = this.masks ? null : usualKey;
    const key = how === 'as due' ? due : how === 'wrong way' ? wrong : Buffer.from(how.key, 'hex');
    const more = {
      ...(lengthForm !== undefined && { lengthForm }),
      ...(declaredLength !== undefined && { declaredLength }),
    };
    const spec = { opcode, payload, fin, rsv: step.rsv ?? (compress ? 4 : 0), key, ...more };
    if (step.headerOnly === true) [this.openKey, this.offset] = [key, 0];
    this.bytes.push(step.headerOnly === true ? encodeHeader(spec) : encodeFrame(spec));
  }

  private message(kind: Kind, bytes: Buffer, size: number, compress = false): void {
    for (let at = 0, fin = false; !fin; at += size) {
      const part = bytes.subarray(at, at + size);
      fin = part.length < size || (at === 0 && bytes.length === size);
      this.add(at > 0 ? 0 : kind === 'text' ? 1 : 2, part, fin, at === 0 && compress ? 4 : 0);
    }
  }

  private compressed(bytes: Buffer, compress = false): Buffer {
    return compress && this.deflate !== null ? this.deflate.compress(bytes) : bytes;
  }

  private add(opcode: number, payload: Buffer, fin = true, rsv = 0): void {
    this.bytes.push(encodeFrame({ opcode, payload, fin, rsv, key: this.masks ? usualKey : null }));
  }
}

function vectorEvents(events: readonly Event[]): VectorEvent[] | null {
  const all = events.map((event): VectorEvent | null => {
    if (event.type === 'timeout') return null;
    const hex = bytesOf(event.payload).toString('hex');
    return event.type === 'pong' ? { type: 'pong', hex } : { type: 'message', kind: event.kind, hex };
  });
  return all.includes(null) ? null : (all as VectorEvent[]);
}

/** The events of a loop's messages, or those that the case names. */
function eventsOf(one: Case): VectorEvent[] | null {
  const [loop] = one.steps;
  if (loop?.do !== 'loop') return one.expect.events === undefined ? null : vectorEvents(one.expect.events.OK);
  return vectorEvents(
    Array.from({ length: LOOP_MESSAGES }, (_, index) => ({
      type: 'message',
      kind: loop.kind,
      payload: loop.source(index),
    })),
  );
}

/** Bytes of all payloads. */
function sizeOf({ steps }: Case): number {
  const sizes = steps.map((step) =>
    'payload' in step ? step.payload.length : 'bytes' in step ? step.bytes.length : 0,
  );
  const loops = steps.map((step) => (step.do === 'loop' ? LOOP_MESSAGES * step.source(0).length : 0));
  return [...sizes, ...loops].reduce((sum, size) => sum + size, 0);
}

/** A case as a vector. @returns null where it is no matter of bytes alone */
function vectorOf(one: Case, role: Role): Vector | null {
  const { id, description, section, level, steps, expect, request, response, quirks } = one;
  if (request !== undefined || response !== undefined || quirks !== undefined) return null;
  if (without.some((group) => id.startsWith(group))) return null;
  if (one.informational === true || expect.answer !== undefined || steps.length === 0) return null;
  if (sizeOf(one) > LONGEST) return null;
  const agreed = agreementOf(one, role);
  const events = eventsOf(one);
  if (agreed === 'none fits' || events === null) return null;
  const writer = new Writer(role, agreed?.params ?? null);
  if (!steps.every((step) => writer.play(step))) return null;
  const second = expect.events?.['NON-STRICT'];
  const { by, codes } = expect.close;
  // Who may be first is a matter of time where both sides close.
  if (by === 'any' && !writer.closes) return null;
  const outcome = by === 'peer' ? 'failed' : writer.closes ? 'closed' : 'open';
  return {
    ...{ id, description, section, level, role, extensions: agreed?.text ?? null },
    input: Buffer.concat(writer.bytes).toString('hex'),
    events,
    tolerated: second === undefined ? null : vectorEvents(second),
    outcome,
    codes: outcome === 'open' || codes === 'any' ? [] : codes,
  };
}

/**
 * The cases that are a matter of bytes alone, as data.
 * @param selection patterns of ids. @default all of them
 * @returns vectors for servers, then those for clients, each in the order of their ids
 */
export function vectors(selection: Partial<Selection> = {}): Vector[] {
  const { cases = [], exclude = [] } = selection;
  return (['server', 'client'] as const).flatMap((role) =>
    select(allCases, role, { cases, exclude }).flatMap((one) => vectorOf(one, role) ?? []),
  );
}
