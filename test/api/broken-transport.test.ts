/** An application passes a Duplex to `handleUpgrade`, and the `write` of this Duplex throws. */
import { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { WebSocketServer } from '../../src/api/server.ts';
import { reject } from '../../src/api/upgrade-answer.ts';
import { CompressionBudget } from '../../src/deflate/budget.ts';

describe('FAULT-3: if `write` of a Duplex throws, handleUpgrade destroys the Duplex, and shutdown does not wait for it', () => {
  const never = (): Promise<undefined> => new Promise(() => {});
  test.each<[string, () => unknown, string, object?]>([
    ['if `upgrade` accepts at once', () => undefined, 'WS_HANDSHAKE_ABANDONED'],
    ['if `upgrade` accepts later', async () => undefined, 'WS_HANDSHAKE_ABANDONED'],
    ['if `upgrade` refuses at once', () => reject(403), 'WS_HANDSHAKE_REJECTED'],
    ['if `upgrade` refuses later', async () => reject(403), 'WS_HANDSHAKE_REJECTED'],
    ['if `upgrade` does not answer before the timeout', never, 'WS_HANDSHAKE_TIMEOUT'],
    ['if the request has the method POST', () => undefined, 'WS_HANDSHAKE_METHOD', { method: 'POST' }],
  ])('%s', async (_name, upgrade, code, changes = {}) => {
    const events: string[] = [];
    const budget = new CompressionBudget();
    const server = new WebSocketServer<unknown>(
      {
        upgrade: upgrade as () => undefined,
        open: () => void events.push('open'),
        refused: (error) => void events.push(error.code),
      },
      { handshakeTimeout: 50, maxConnections: 1, compression: { budget } },
    );
    const headers = {
      host: 'localhost',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-extensions': 'permessage-deflate',
    };
    const request = { method: 'GET', url: '/', headers, ...changes };
    const broken = new Duplex({
      read: () => {},
      write: () => {
        throw new Error('this transport is broken');
      },
    });
    const outcome = server.handleUpgrade(request, broken, Buffer.alloc(0));
    await expect(outcome).rejects.toMatchObject({ code });
    expect([events, broken.destroyed, budget.used]).toEqual([[code], true, 0]);
    await server.shutdown();
  });
});
