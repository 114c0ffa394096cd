/** An `upgrade` handler receives an AbortSignal. The signal aborts when the server no longer waits for the answer of the handler. */
import { afterEach, describe, expect, test } from 'vitest';
import { closeServers, startServer } from '../transport/servers.ts';
import { requestHead } from '../transport/wire.ts';

afterEach(closeServers);

/** Starts a server whose `upgrade` handler does not answer before its signal aborts. */
async function patient(options: Parameters<typeof startServer>[1] = {}) {
  const { promise: asked, resolve: ask } = defer<AbortSignal>();
  const { promise: aborted, resolve: abort } = defer<void>();
  const started = await startServer(
    {
      async upgrade(_request, { signal }) {
        ask(signal);
        signal.addEventListener('abort', () => abort());
        await aborted;
      },
    },
    options,
  );
  const peer = started.peer().write(requestHead());
  return { ...started, peer, signal: await asked, aborted };
}

function defer<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => {};
  const promise = new Promise<Value>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

describe('the signal of an `upgrade` handler', () => {
  test('the signal of a pending `upgrade` aborts if the peer leaves', async () => {
    const { peer, signal, aborted } = await patient();
    expect(signal.aborted).toBe(false);
    peer.destroy();
    await aborted;
  });

  test('the signal of a pending `upgrade` aborts after handshakeTimeout', async () => {
    const { peer, aborted } = await patient({ handshakeTimeout: 300 });
    await aborted;
    expect(await peer.answer()).toMatch(/^HTTP\/1\.1 408/);
  });

  test('the signal of a pending `upgrade` aborts if the server is shut down', async () => {
    const { server, peer, aborted } = await patient();
    const over = server.shutdown();
    await aborted;
    expect(await peer.answer()).toMatch(/^HTTP\/1\.1 503/);
    peer.destroy();
    await over;
  });

  test('the signal does not abort after `upgrade` has accepted the request', async () => {
    let signal: AbortSignal | null = null;
    const { server, peer } = await startServer({
      async upgrade(_request, pending) {
        signal = pending.signal;
      },
    });
    const client = await peer().open();
    client.destroy();
    await server.shutdown();
    expect(signal).toMatchObject({ aborted: false });
  });
});
