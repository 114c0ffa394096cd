/**
 * Generates two kinds of binary content: a noisy grey image, and a document that mostly consists of compressed streams.
 */

import { Random } from './random.ts';
import { proseText } from './texts.ts';

/** Generates a bitmap with 256 greys. It has a header, and smooth shapes with noise. Compression makes it only a little smaller. */
export function bitmap(length: number): Buffer {
  const random = new Random(401);
  const bytes = Buffer.alloc(length);
  bytes.write('BM');
  bytes.writeUInt32LE(length, 2);
  const pixels = 1078;
  for (let grey = 0; grey < 256; grey++) bytes.fill(grey, 54 + 4 * grey, 57 + 4 * grey);
  for (let i = pixels; i < length; i++) {
    const [x, y] = [(i - pixels) % 512, Math.floor((i - pixels) / 512)];
    const shape = 120 + 60 * Math.sin(x / 61) + 50 * Math.cos((x + 2 * y) / 83);
    bytes[i] = Math.round(shape) + random.below(20);
  }
  return bytes;
}

/**
 * Generates a document of objects. Each object has some text, and a stream of bytes that look random. Three quarters of the bytes are in
 * streams.
 */
export function documentBytes(length: number): Buffer {
  const random = new Random(503);
  const prose = Buffer.from(proseText(100_000), 'latin1');
  const parts: Buffer[] = [Buffer.from('%DOC-1.0\n')];
  let size = 0;
  for (let index = 1; size < length; index++) {
    const stream = Buffer.alloc(3000 + random.below(6000));
    for (let i = 0; i < stream.length; i++) stream[i] = random.next() >>> 24;
    const at = random.below(prose.length - 3500);
    const head = `${index} 0 obj\n<< /Length ${stream.length} /Filter /Random >>\nstream\n`;
    const part = Buffer.concat([
      Buffer.from(head),
      stream,
      Buffer.from('\nendstream\n'),
      prose.subarray(at, at + 3500),
    ]);
    parts.push(part);
    size += part.length;
  }
  return Buffer.concat(parts).subarray(0, length);
}
