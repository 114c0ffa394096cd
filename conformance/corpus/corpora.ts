/**
 * The contents of groups 12 and 13: five corpora of this repository, of the kinds, lengths and compressibility of Autobahn's
 * files, made by formula when they are first needed.
 */

import type { Kind } from '../case/model.ts';
import { bitmap, documentBytes } from './binaries.ts';
import { htmlText, jsonText, proseText } from './texts.ts';

/** Something that messages are cut from. */
export interface Corpus {
  readonly title: string;
  readonly kind: Kind;
  /** What lengths are counted in. */
  readonly unit: 'byte' | 'code point';
  readonly length: number;
  /** The k-th message of so many units: after the one before it, and round again at the end. */
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
  // No character in them is beyond U+FFFF: a code point is a unit of a string.
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

/** 12.1 to 12.5, in order. */
export const corpora: readonly Corpus[] = [
  textCorpus('JSON text', 194_056, jsonText),
  byteCorpus('A grey bitmap image', 263_222, bitmap),
  byteCorpus('German prose, as bytes', 222_218, (length) =>
    Buffer.from(proseText(length)).subarray(0, length),
  ),
  textCorpus('HTML text', 263_620, htmlText),
  byteCorpus('A document of compressed and plain parts', 1_042_328, documentBytes),
];
