/** Tests `createWebSocketStream`: chunks, backpressure in both directions, and the end of a stream. */
import { once } from 'node:events';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createWebSocketStream, WebSocket, WebSocketServer } from '../../../src/ws.ts';

async function serve(onConnection: (webSocket: WebSocket) => void): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => {
    for (const one of server.clients) one.terminate();
    server.close();
  });
  server.on('connection', onConnection);
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const streamTo = (url: string, options = {}): { duplex: Duplex; webSocket: WebSocket } => {
  const webSocket = new WebSocket(url);
  return { webSocket, duplex: createWebSocketStream(webSocket, options) };
};

/** Waits until a count has not grown for a while. @returns the count */
async function standingStill(count: () => number): Promise<number> {
  for (let before = -1; ; ) {
    const now = count();
    if (now === before) return now;
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

describe('backpressure', () => {
  test('if a program does not read from the stream, the connection stops reading', async () => {
    let sent = 0;
    const url = await serve((webSocket) => {
      const more = (): void => {
        if (sent >= 64) return;
        sent++;
        webSocket.send(Buffer.alloc(1_000_000), more);
      };
      more();
    });
    const { duplex, webSocket } = streamTo(url);
    await once(webSocket, 'open');
    await vi.waitFor(() => expect(webSocket.isPaused).toBe(true));
    expect(await standingStill(() => sent)).toBeLessThan(40);
    let bytes = 0;
    for await (const chunk of duplex) {
      bytes += (chunk as Buffer).length;
      if (bytes === 64_000_000) break;
    }
    expect(bytes).toBe(64_000_000);
  });
  test('if the peer does not read, writes to the stream wait', async () => {
    let accepted: WebSocket | undefined;
    const url = await serve((webSocket) => {
      accepted = webSocket;
      webSocket.pause();
    });
    const { duplex } = streamTo(url);
    let written = 0;
    const source = Readable.from(
      (function* () {
        for (; written < 64; written++) yield Buffer.alloc(1_000_000);
      })(),
      { objectMode: true, highWaterMark: 1 },
    );
    const done = pipeline(source, duplex);
    await vi.waitFor(() => expect(accepted).toBeDefined());
    expect(await standingStill(() => written)).toBeLessThan(40);
    let bytes = 0;
    accepted!.on('message', (data) => {
      bytes += (data as Buffer).length;
    });
    accepted!.resume();
    duplex.resume();
    await done;
    await vi.waitFor(() => expect(bytes).toBe(64_000_000));
  });
});

describe('chunks and the end of a stream', () => {
  test('if a stream is piped into itself, it echoes all bytes', async () => {
    const url = await serve((webSocket) => {
      const stream = createWebSocketStream(webSocket);
      stream.pipe(stream);
    });
    const { duplex } = streamTo(url, { encoding: 'utf8' });
    const words = ['one', 'two', 'three'];
    for (const word of words) duplex.write(word);
    let text = '';
    for await (const chunk of duplex) {
      text += chunk;
      if (text === words.join('')) break;
    }
    expect(text).toBe('onetwothree');
  });
  test('a text message is read as a string in object mode, and otherwise as bytes', async () => {
    const url = await serve((webSocket) => {
      webSocket.send('text');
      webSocket.send(Buffer.from('bytes'));
      webSocket.close();
    });
    const { duplex } = streamTo(url, { readableObjectMode: true });
    const chunks: unknown[] = [];
    for await (const chunk of duplex) chunks.push(chunk);
    expect(chunks).toEqual(['text', Buffer.from('bytes')]);
  });
  test('if a program ends the stream, the connection closes without a code', async () => {
    const codes: number[] = [];
    const url = await serve((webSocket) => webSocket.on('close', (code) => codes.push(code)));
    const { duplex } = streamTo(url);
    duplex.end('last');
    duplex.resume();
    await once(duplex, 'close');
    await vi.waitFor(() => expect(codes).toEqual([1005]));
  });
  test('if a program destroys the stream, the connection is dropped', async () => {
    const codes: number[] = [];
    const url = await serve((webSocket) => webSocket.on('close', (code) => codes.push(code)));
    const { duplex, webSocket } = streamTo(url);
    await once(webSocket, 'open');
    const error = new Error('no more');
    const failed = once(duplex, 'error');
    duplex.destroy(error);
    expect(await failed).toEqual([error]);
    await vi.waitFor(() => expect(codes).toEqual([1006]));
  });
  test('if the connection fails, the stream is destroyed with the error of the connection', async () => {
    const { duplex } = streamTo('ws://127.0.0.1:1');
    duplex.write('never');
    const [error] = await once(duplex, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });
  test('after the connection has closed, a write to the stream fails', async () => {
    const url = await serve((webSocket) => webSocket.close());
    const { duplex, webSocket } = streamTo(url, { allowHalfOpen: true });
    await once(webSocket, 'close');
    const failed = once(duplex, 'error');
    duplex.write('late');
    expect(String((await failed)[0])).toContain('readyState 3');
  });
});
