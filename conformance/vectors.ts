/**
 * Makes test vectors from cases. A vector is plain JSON that unit tests in any language can load. A vector has the bytes that an endpoint
 * receives, and the expected outcome. The received bytes alone must determine the outcome. So no vector tests the opening handshake, TCP,
 * time or masking keys.
 */

import type { Case, Event, Kind, Role, Step } from './case/model.ts';
import { bytesOf } from './case/payload.ts';
import { type Selection, select } from './case/select.ts';
import { allCases } from './cases.ts';
import { answerOffer, Deflate, type DeflateParams } from './wire/deflate.ts';
import { encodeFrame, encodeHeader, mask } from './wire/frame.ts';

/** What an endpoint has to do, in order: deliver a complete message, or send a pong. */
export type VectorEvent =
  | { readonly type: 'message'; readonly kind: Kind; readonly hex: string }
  | { readonly type: 'pong'; readonly hex: string };

export interface Vector {
  /** The id of the case. `conform explain` describes the case, and `conform server` and `conform client` play it. */
  readonly id: string;
  readonly description: string;
  readonly section: string;
  /** With MUST, no other outcome is correct. With SHOULD or MAY, another outcome may be correct too. */
  readonly level: Case['level'];
  /** The role of the endpoint under test. Frames for a server are masked. Frames for a client are not masked. */
  readonly role: Role;
  /** The negotiated parameters of permessage-deflate, in the form of Sec-WebSocket-Extensions. null without the extension. */
  readonly extensions: string | null;
  /** The bytes that the endpoint receives, in hex. The outcome must not depend on the sizes of the chunks that arrive. */
  readonly input: string;
  readonly events: readonly VectorEvent[];
  /** Other events that are tolerated as NON-STRICT; null if there are no such events. */
  readonly tolerated: readonly VectorEvent[] | null;
  /**
   * The expected outcome. If the endpoint sends a Close frame, the frame has one of `codes` or no code.
   * - `open`: the connection stays open.
   * - `failed`: the endpoint fails the connection, with or without a Close frame.
   * - `closed`: the input has a Close frame, and the endpoint answers this frame or fails the connection.
   */
  readonly outcome: 'open' | 'failed' | 'closed';
  readonly codes: readonly number[];
}

/** The largest input of a vector in bytes. With longer inputs, the file of all vectors would have many megabytes. */
const LONGEST = 20_000;
/**
 * The groups and subgroups that test limits, time or the masking keys of a client. The received bytes alone do not determine their outcome,
 * so they have no vectors.
 */
const without: readonly string[] = ['22.2.', '22.4.', '27.', '29.'];
/** The number of messages in the vector of a loop. */
const LOOP_MESSAGES = 3;
/** The masking key of all vectors. A random key would change the vectors in each run. */
const usualKey = Buffer.from('37fa213d', 'hex');
/** The offer of permessage-deflate that each client is assumed to make. */
const usualOffer = 'permessage-deflate; client_max_window_bits';

/**
 * Returns the negotiated parameters of a case. The result is null without compression, and 'none fits' if the case cannot become a vector.
 */
function agreementOf(
  one: Case,
  role: Role,
): { readonly text: string; readonly params: DeflateParams } | null | 'none fits' {
  if (one.deflate === undefined) return null;
  if (one.deflate.answer !== undefined || one.deflate.optional === false) return 'none fits';
  const { offer, wishes } = one.deflate;
  if (role === 'client') return answerOffer(usualOffer, wishes) ?? 'none fits';
  // If the client offers client_no_context_takeover, the server requests it in its answer.
  const promised = offer.includes('client_no_context_takeover');
  return answerOffer(offer, [promised ? { clientNoContextTakeover: true } : {}]) ?? 'none fits';
}

/** Writes the bytes that the steps send to the endpoint under test. */
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

  /** Writes a step. @returns false if the step does more than send bytes, so that the case cannot become a vector */
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

  /** Masks the next payload bytes of a frame. The header of this frame was written before. */
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

/** Returns the events that are expected: the echoes of a loop, or the events of the case. */
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

/** Returns the number of bytes of all payloads. */
function sizeOf({ steps }: Case): number {
  const sizes = steps.map((step) =>
    'payload' in step ? step.payload.length : 'bytes' in step ? step.bytes.length : 0,
  );
  const loops = steps.map((step) => (step.do === 'loop' ? LOOP_MESSAGES * step.source(0).length : 0));
  return [...sizes, ...loops].reduce((sum, size) => sum + size, 0);
}

/** Makes a vector from a case. @returns null if the received bytes alone do not determine the outcome */
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
  // If both ends may close first, the outcome depends on time. So the case has no vector.
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
 * Returns the vectors of all cases that can become a vector.
 * @param selection patterns of ids.
 * @default all cases
 * @returns the vectors for servers, and then the vectors for clients. Both are in the order of their ids
 */
export function vectors(selection: Partial<Selection> = {}): Vector[] {
  const { cases = [], exclude = [] } = selection;
  return (['server', 'client'] as const).flatMap((role) =>
    select(allCases, role, { cases, exclude }).flatMap((one) => vectorOf(one, role) ?? []),
  );
}
