/**
 * The UTF-8 check of the broken peers. It works byte by byte. Each first byte determines which bytes may follow. Many real peers get this
 * wrong, so a rule can replace the function `sequenceOf`.
 */

/** The number of bytes that follow a first byte, and the allowed range of the second byte of the character. */
export interface Sequence {
  readonly further: number;
  readonly low: number;
  readonly high: number;
}

/** Returns which bytes must follow a first byte (RFC 3629 §4). @returns null if no character begins with this byte */
export function sequenceOf(first: number): Sequence | null {
  if (first < 0x80) return { further: 0, low: 0, high: 0 };
  if (first < 0xc2 || first > 0xf4) return null;
  const further = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  return { further, low, high };
}

/** Checks a text that arrives in pieces. */
export class Utf8Check {
  private readonly sequence: (first: number) => Sequence | null;
  private missing = 0;
  private low = 0x80;
  private high = 0xbf;

  constructor(sequence: (first: number) => Sequence | null) {
    this.sequence = sequence;
  }

  /** @returns true if the bytes so far can be the beginning of valid UTF-8 */
  write(bytes: Buffer): boolean {
    for (const byte of bytes) {
      if (this.missing > 0) {
        if (byte < this.low || byte > this.high) return false;
        this.missing -= 1;
        this.low = 0x80;
        this.high = 0xbf;
      } else if (byte >= 0x80) {
        const sequence = this.sequence(byte);
        if (sequence === null) return false;
        this.missing = sequence.further;
        this.low = sequence.low;
        this.high = sequence.high;
      }
    }
    return true;
  }

  /** True if the last character is complete. */
  get isComplete(): boolean {
    return this.missing === 0;
  }
}
