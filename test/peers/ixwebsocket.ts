/** Sends opening handshakes over raw sockets. The keys have the same form as those of the library IXWebSocket. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect } from 'vitest';
import { acceptOf, requestHead } from '../transport/wire.ts';

export const KEYS = 2_000;
const AT_ONCE = 100;

/** Returns `count` keys in the form of IXWebSocket 11.0.8: 22 random characters of this alphabet, and then the padding. */
function ixKeys(count: number): string[] {
  const character = fc.constantFrom(...'0123456789ABCDEFGHabcdefgh');
  const key = fc.array(character, { minLength: 22, maxLength: 22 }).map((all) => `${all.join('')}==`);
  return fc.sample(key, { numRuns: count, seed: 110_008 });
}

/** Resolves with the head of the answer to a request. */
function answerTo(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('error', reject);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      socket.destroy();
      resolve(text);
    });
    socket.on('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
    socket.write(request);
  });
}

/**
 * Opens a connection with each of 2,000 such keys. Checks that every answer is a 101, and that its Sec-WebSocket-Accept is right for the
 * text of the key.
 */
export async function expectAllKeysOpen(port: number): Promise<void> {
  const keys = ixKeys(KEYS);
  expect(new Set(keys).size).toBe(KEYS);
  for (let at = 0; at < KEYS; at += AT_ONCE) {
    const batch = keys.slice(at, at + AT_ONCE);
    const answers = await Promise.all(
      batch.map((key) => answerTo(port, requestHead({ 'Sec-WebSocket-Key': key }))),
    );
    for (const [index, answer] of answers.entries()) {
      expect(answer, batch[index]).toMatch(/^HTTP\/1\.1 101 /);
      expect(answer).toContain(`\r\nSec-WebSocket-Accept: ${acceptOf(batch[index]!)}\r\n`);
    }
  }
}
