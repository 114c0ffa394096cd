/**
 * The five contents of groups 12 and 13. Each content has the same kind and length as one of Autobahn's files, and compresses equally well.
 * The code generates a content when a case first needs it.
 */

import type { Kind } from '../case/model.ts';
import { bitmap, documentBytes } from './binaries.ts';
import { htmlText, jsonText, proseText } from './texts.ts';

/** A content. Each message is a part of a content. */
export interface Corpus {
  readonly title: string;
  readonly kind: Kind;
  /** The unit of `length`. */
  readonly unit: 'byte' | 'code point';
  readonly length: number;
  /**
   * Cuts the message with this index from the content. The message has `length` units, and begins at the end of the previous message. After
   * the end of the content, the next unit is the first unit again.
   */
  cut(index: number, length: number): Buffer;
}

function byteCorpus(title: string, length: number, make: (length: number) => Buffer): Corpus {
  let made: Buffer | null = null;
  return {
    title,
    kind: 'binary',
    unit: 'byte',
    length,
    cut(index, size) {
      made ??= make(length);
      const at = (index * size) % length;
      const first = made.subarray(at, at + size);
      return first.length === size ? first : Buffer.concat([first, made.subarray(0, size - first.length)]);
    },
  };
}

function textCorpus(title: string, length: number, make: (length: number) => string): Corpus {
  // The texts have no character beyond U+FFFF, so each code point is one unit of a JavaScript string.
  let made: string | null = null;
  return {
    title,
    kind: 'text',
    unit: 'code point',
    length,
    cut(index, size) {
      made ??= make(length);
      const at = (index * size) % length;
      const first = made.slice(at, at + size);
      return Buffer.from(first + made.slice(0, size - first.length));
    },
  };
}

export const corpora: readonly Corpus[] = [
  textCorpus('JSON text', 194_056, jsonText),
  byteCorpus('A grey bitmap image', 263_222, bitmap),
  byteCorpus('German prose, as bytes', 222_218, (length) =>
    Buffer.from(proseText(length)).subarray(0, length),
  ),
  textCorpus('HTML text', 263_620, htmlText),
  byteCorpus('A document of compressed and plain parts', 1_042_328, documentBytes),
];
