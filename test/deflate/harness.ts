/** Helpers for the tests of compressed messages: codecs with common settings, and messages of every kind. */
import { beforeEach } from 'vitest';
import { CompressionBudget } from '../../src/deflate/budget.ts';
import { type CodecSettings, DeflateCodec, type Direction } from '../../src/deflate/codec.ts';
import { turnClock } from '../../src/deflate/turn.ts';
import { ProtocolError } from '../../src/frame/violation.ts';
import { random } from '../frame/harness.ts';

// The clock of the codec stands still, so that the speed of the machine does not influence a test.
beforeEach(() => {
  turnClock.now = () => 0;
});

/** Every test of the codec runs with both settings of `engine`. */
export const engines = ['auto', 'zlib'] as const;
export type Engine = (typeof engines)[number];

export const full: Direction = { windowBits: 15, takeover: true };
export const alone: Direction = { windowBits: 15, takeover: false };

/** The default settings: all messages are compressed, and the budget is unlimited. */
export function settings(rest: Partial<CodecSettings> = {}): CodecSettings {
  return {
    ...{ threshold: 0, level: 6, engine: 'auto', synchronous: false },
    budget: new CompressionBudget(Infinity),
    ...rest,
  };
}

/** Returns a codec that sends and receives with the same parameters. */
export function codecOf(direction: Direction, rest: Partial<CodecSettings> = {}): DeflateCodec {
  return new DeflateCodec(direction, direction, settings(rest), 0);
}

/** Decompresses `payload` with a codec. Resolves with the bytes, or with the code of the error. */
export async function verdict(
  codec: DeflateCodec,
  payload: Uint8Array,
  maxLength = Infinity,
): Promise<Buffer | string> {
  try {
    return await codec.decompress(payload, maxLength);
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

/** Returns `size` bytes of JSON, a typical text of an application. Each seed gives another text. */
export function jsonOf(size: number, seed: number): Buffer {
  const pick = random(seed);
  const names = ['temperature', 'humidity', 'status', 'location', 'updatedAt', 'value', 'unit'];
  const words = ['kitchen', 'hall', 'ok', 'warning', 'celsius', 'percent', '2026-01-01T00:00:00Z'];
  let text = '[';
  while (text.length < size) {
    text += `{"id":${pick(100_000)},"${names[pick(7)]}":"${words[pick(7)]}","${names[pick(7)]}":${pick(1000)}},`;
  }
  return Buffer.from(text.slice(0, size));
}

/** Returns bytes that no compressor can make smaller. */
export function noiseOf(size: number, seed: number): Buffer {
  const pick = random(seed);
  const noise = Buffer.alloc(size);
  for (let index = 0; index < size; index++) noise[index] = pick(256);
  return noise;
}

/** Returns the bytes that a text of hexadecimal digits stands for. */
export function hex(digits: string): Buffer {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex');
}
