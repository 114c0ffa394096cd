/**
 * Joins the frames of a peer to messages, pings, pongs and the Close frame. This code checks RFC 6455 §5.4, §5.5, §7.4 and §8.1 strictly,
 * and throws at the first rule that the peer breaks.
 */

import type { Kind, Role } from '../case/model.ts';
import type { CloseSeen } from '../case/observation.ts';
import type { Deflate } from '../wire/deflate.ts';
import type { Frame, FrameHead } from '../wire/frame.ts';
import { isUtf8 } from '../wire/utf8.ts';

/** The peer has broken a rule. `closeCode` is the close code that the judge then sends. */
export class Violation extends Error {
  readonly closeCode: number;

  constructor(closeCode: number, sentence: string) {
    super(sentence);
    this.closeCode = closeCode;
  }
}

/** The result of a complete message or control frame. */
export type Received =
  | { readonly type: 'message'; readonly kind: Kind; readonly payload: Buffer }
  | { readonly type: 'ping'; readonly payload: Buffer }
  | { readonly type: 'pong'; readonly payload: Buffer }
  | { readonly type: 'close'; readonly close: CloseSeen };

/** Joins the frames of one peer, in order. */
export class Reception {
  private readonly peer: Role;
  private readonly deflate: Deflate | null;
  private first: FrameHead | null = null;
  private fragments: Buffer[] = [];

  constructor(peer: Role, deflate: Deflate | null) {
    this.peer = peer;
    this.deflate = deflate;
  }

  /** Checks the rules that the header of a frame can break. @throws {Violation} */
  check(head: FrameHead): void {
    const { opcode, fin, rsv, key, length, lengthForm } = head;
    const control = opcode >= 8;
    const compressed = this.deflate !== null && (opcode === 1 || opcode === 2);
    if ((rsv & ~(compressed ? 4 : 0)) !== 0)
      throw new Violation(1002, 'RSV bits that nothing was agreed for');
    if ((opcode > 2 && opcode < 8) || opcode > 10) throw new Violation(1002, `the reserved opcode ${opcode}`);
    if (control && !fin) throw new Violation(1002, 'a control frame in fragments');
    if (control && length > 125) throw new Violation(1002, `a control frame of ${length} bytes`);
    if ((lengthForm === 16 && length < 126) || (lengthForm === 64 && length < 65_536))
      throw new Violation(1002, `a length of ${length} in ${lengthForm} bits`);
    if (this.peer === 'client' && key === null) throw new Violation(1002, 'an unmasked frame of a client');
    if (this.peer === 'server' && key !== null) throw new Violation(1002, 'a masked frame of a server');
    if (opcode === 0 && this.first === null) throw new Violation(1002, 'a continuation of nothing');
    if ((opcode === 1 || opcode === 2) && this.first !== null)
      throw new Violation(1002, 'a new message within another');
  }

  /**
   * Adds a frame.
   * @returns the control frame, or the message that is now complete; null if the message is not complete yet.
   * @throws {Violation}
   */
  take(frame: Frame): Received | null {
    const { opcode, payload } = frame;
    if (opcode === 8) return { type: 'close', close: closeOf(payload) };
    if (opcode === 9) return { type: 'ping', payload };
    if (opcode === 10) return { type: 'pong', payload };
    this.first ??= frame;
    this.fragments.push(payload);
    if (!frame.fin) return null;
    const first = this.first;
    const whole = this.fragments.length === 1 ? payload : Buffer.concat(this.fragments);
    this.first = null;
    this.fragments = [];
    const bytes = first.rsv === 4 ? this.inflated(whole) : whole;
    const kind = first.opcode === 1 ? 'text' : 'binary';
    if (kind === 'text' && !isUtf8(bytes)) throw new Violation(1007, 'a text message that is not UTF-8');
    return { type: 'message', kind, payload: bytes };
  }

  private inflated(bytes: Buffer): Buffer {
    try {
      return this.deflate!.decompress(bytes);
    } catch (error) {
      throw new Violation(
        1007,
        `a compressed message that cannot be decompressed: ${(error as Error).message}`,
      );
    }
  }
}

/** Returns true if a Close frame may have this code (§7.4). */
function isWireCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
}

function closeOf(payload: Buffer): CloseSeen {
  if (payload.length === 0) return { code: null, reason: payload };
  if (payload.length === 1) throw new Violation(1002, 'a Close frame of one byte');
  const code = payload.readUInt16BE(0);
  const reason = payload.subarray(2);
  if (!isWireCode(code)) throw new Violation(1002, `the close code ${code}, which is not to be sent`);
  if (!isUtf8(reason)) throw new Violation(1007, 'a close reason that is not UTF-8');
  return { code, reason };
}
