/**
 * Tests the bytes that a client sends before its request is answered. Their number is limited, and they count in the memory budget. The
 * server still notices when the peer leaves.
 */
import { Buffer } from 'node:buffer';
import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { EarlyBytes, MAX_EARLY_BYTES } from '../../src/transport/early-bytes.ts';
import { closeServers, kinds, startServer } from './servers.ts';
import { frame, Op, requestHead } from './wire.ts';

afterEach(closeServers);

describe.each(kinds)('bytes that a client sends before the answer to its request, %s', (kind) => {
  const ends = (['with its request', 'after it', 'never'] as const).flatMap((sent) => [
    [sent, 'FIN'] as const,
    [sent, 'destroy'] as const,
  ]);

  test.each(ends)(
    'FAULT-3: the signal aborts if the peer leaves during the upgrade hook (the peer sent an early byte: %s, and leaves by: %s)',
    async (sent, end) => {
      const refused: string[] = [];
      let onUpgrade: (signal: AbortSignal) => void = () => {};
      const upgraded = new Promise<AbortSignal>((resolve) => {
        onUpgrade = resolve;
      });
      const { peer } = await startServer(
        {
          upgrade: (_request, pending) => {
            onUpgrade(pending.signal);
            return new Promise<undefined>(() => {});
          },
          refused: (error) => void refused.push(error.code),
        },
        { handshakeTimeout: 60_000 },
        kind,
      );
      const raw = peer().write(requestHead() + (sent === 'with its request' ? '\x81' : ''));
      const signal = await upgraded;
      const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
      if (sent === 'after it') {
        raw.write('\x81');
        // After this time, the byte has arrived. In an earlier version, the byte stayed in the socket, so the server could not see the end
        // after the byte.
        await new Promise((later) => setTimeout(later, 30));
      }
      expect(signal.aborted).toBe(false);
      if (end === 'FIN') raw.socket.end();
      else raw.destroy();
      await aborted;
      await new Promise(setImmediate);
      expect(refused).toEqual(['WS_HANDSHAKE_ABANDONED']);
    },
  );

  test('FAULT-4: bytes that arrive during the upgrade hook are limited, count in the memory budget, and are not lost', async () => {
    const memoryBudget = new MemoryBudget();
    const messages: string[] = [];
    let accept = (): void => {};
    const { peer } = await startServer(
      {
        upgrade: () => new Promise<undefined>((resolve) => (accept = () => resolve(undefined))),
        message: (_connection, message) => void messages.push(String(message)),
      },
      { memoryBudget },
      kind,
    );
    const raw = peer();
    const texts = Array.from({ length: 40 }, (_, at) => `${at} ${'x'.repeat(32_000)}`);
    raw.write(Buffer.concat([Buffer.from(requestHead()), ...texts.map((text) => frame(Op.Text, text))]));
    while (memoryBudget.used < MAX_EARLY_BYTES) await new Promise((again) => setTimeout(again, 5));
    await new Promise((later) => setTimeout(later, 50));
    // One chunk may arrive in addition to the limit. When the memory for the bytes is full, its size doubles.
    expect(memoryBudget.used).toBeLessThanOrEqual(4 * MAX_EARLY_BYTES);
    accept();
    while (messages.length < texts.length) await new Promise((again) => setTimeout(again, 5));
    expect(messages).toEqual(texts);
    expect(memoryBudget.used).toBe(0);
  });
});

describe('EarlyBytes', () => {
  test('FAULT-3: EarlyBytes returns all bytes in order, wherever they are split into chunks', async () => {
    const all = Buffer.from('0123456789');
    for (let head = 0; head <= all.length; head++) {
      for (let split = head; split <= all.length; split++) {
        const socket = new PassThrough();
        const budget = new MemoryBudget();
        const early = new EarlyBytes(socket, all.subarray(0, head), budget);
        socket.write(all.subarray(head, split));
        await new Promise(setImmediate);
        socket.write(all.subarray(split));
        await new Promise(setImmediate);
        expect(early.take().toString()).toBe('0123456789');
        expect([early.take().length, budget.used]).toEqual([0, 0]);
        // Bytes that arrive later stay in the socket for the next reader.
        socket.write('later');
        expect(socket.isPaused()).toBe(true);
        expect(String(socket.read())).toBe('later');
      }
    }
  });

  test('FAULT-4: EarlyBytes stops reading when the memory budget is used up', async () => {
    const budget = new MemoryBudget(100);
    const socket = new PassThrough();
    const early = new EarlyBytes(socket, Buffer.alloc(0), budget);
    socket.write(Buffer.alloc(200));
    await new Promise(setImmediate);
    expect(socket.isPaused()).toBe(true);
    expect(early.take().length).toBe(200);
    expect(budget.used).toBe(0);
  });
});
