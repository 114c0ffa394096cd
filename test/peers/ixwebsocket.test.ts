/**
 * Opening handshakes as IXWebSocket sends them, the engine of both 4D plugins: its keys have stray bits (RFC 6455 §4.2.1 (5)
 * allows them), and since 11.4.3 its Origin is the URL that it connects to.
 */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { closeServers, type Kind, kinds, startServer } from '../transport/servers.ts';
import { acceptOf, requestHead } from '../transport/wire.ts';

afterEach(closeServers);

const KEYS = 2_000;
const AT_ONCE = 100;

/** Keys as IXWebSocket 11.0.8 makes them: 22 random characters of these, then the padding. */
function ixKeys(count: number): string[] {
  const character = fc.constantFrom(...'0123456789ABCDEFGHabcdefgh');
  const key = fc.array(character, { minLength: 22, maxLength: 22 }).map((all) => `${all.join('')}==`);
  return fc.sample(key, { numRuns: count, seed: 110_008 });
}

/** The head of the answer to a request. */
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
    socket.write(request);
  });
}

test.each<Kind>(['listen', 'attach'])(
  'FAULT-0, S5: 2,000 keys of IXWebSocket 11.0.8 all get 101 on %s, and the accept of their text',
  async (kind) => {
    const { port } = await startServer({}, {}, kind);
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
  },
);

test.each(kinds)('FAULT-0, S21: on %s, Origin is the URL that is connected to', async (kind) => {
  const { peer, port } = await startServer({}, {}, kind);
  const scheme = kind.includes('TLS') || kind.includes('https') ? 'wss' : 'ws';
  const host = `localhost:${port}`;
  await peer().open({ Host: host, Origin: `${scheme}://${host}` });
  const foreign = requestHead({ Host: host, Origin: `${scheme}://localhost:${port === 1 ? 2 : 1}` });
  expect(await peer().write(foreign).answer()).toMatch(/^HTTP\/1\.1 403 /);
});
