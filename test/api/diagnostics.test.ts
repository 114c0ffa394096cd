/**
 * What the library publishes on the channels of node:diagnostics_channel. The library publishes only if there is a subscriber, and always
 * before it calls the handler.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { DiagnosticsMessages } from '../../src/api/diagnostics.ts';
import { Reconnection } from '../../src/api/reconnect.ts';
import { reject } from '../../src/api/upgrade-answer.ts';
import { HandshakeError } from '../../src/handshake/error.ts';
import { closeServers, startServer } from '../transport/servers.ts';

type Name = keyof DiagnosticsMessages;

const subscriptions: [Name, (message: unknown) => void][] = [];

function on<Of extends Name>(name: Of, listener: (message: DiagnosticsMessages[Of]) => void): void {
  const subscriber = listener as (message: unknown) => void;
  subscribe(name, subscriber);
  subscriptions.push([name, subscriber]);
}

afterEach(async () => {
  for (const [name, subscriber] of subscriptions.splice(0)) unsubscribe(name, subscriber);
  await closeServers();
});

/** Waits until the list has `count` items. */
async function length(list: readonly unknown[], count: number): Promise<void> {
  while (list.length < count) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('channels of a connection', () => {
  test('both ends publish the open and the close of a connection before they call the handlers `open` and `close`', async () => {
    const events: string[] = [];
    on('rfc6455:connection:open', ({ connection, role, request }) => {
      events.push(`${role} channel open ${request?.header('traceparent') ?? null} ${connection.state}`);
    });
    on('rfc6455:connection:close', ({ connection, role, info }) => {
      events.push(`${role} channel close ${info.code} ${info.reason} ${connection.state}`);
    });
    const handlers = (role: string) => ({
      open: () => events.push(`${role} handler open`),
      message() {},
      close: () => events.push(`${role} handler close`),
    });
    const { url } = await startServer(handlers('server'));
    const headers = { traceparent: '00-1-2-01' };
    const connection = await connect(url, { headers, handlers: handlers('client') });
    await connection.close(4000, 'done');
    await length(events, 8);
    const of = (role: string) => events.filter((event) => event.startsWith(role));
    expect(of('server')).toEqual([
      'server channel open 00-1-2-01 open',
      'server handler open',
      'server channel close 4000 done closed',
      'server handler close',
    ]);
    expect(of('client')).toEqual([
      'client channel open null open',
      'client handler open',
      'client channel close 4000 done closed',
      'client handler close',
    ]);
  });

  test('the library publishes the error of a connection before it calls the `error` handler', async () => {
    const events: unknown[] = [];
    on('rfc6455:connection:error', ({ role, error }) => events.push(role, error));
    const fault = new Error('a fault of the handler');
    const { url } = await startServer({
      message() {
        throw fault;
      },
      error: (_, error) => events.push('handler', error),
    });
    const connection = await connect(url, { handlers: { message() {} } });
    connection.send('x');
    await length(events, 4);
    expect(events).toEqual(['server', fault, 'handler', fault]);
    expect((await connection.closed).code).toBe(1011);
  });
});

describe('channels of a handshake', () => {
  test('if the server refuses a handshake, the server publishes the event `refused`, and the client publishes the event `failed`', async () => {
    const events: string[] = [];
    on('rfc6455:handshake:refused', ({ error, request }) => {
      events.push(`refused ${error.code} ${error.status} ${request?.target}`);
    });
    on('rfc6455:handshake:failed', ({ error }) => {
      events.push(`failed ${error instanceof HandshakeError ? error.status : error}`);
    });
    const { url } = await startServer({ upgrade: () => reject(401), refused: () => events.push('handler') });
    const failure = await connect(`${url}?a`).catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 401 });
    expect(events).toEqual(['refused WS_HANDSHAKE_REJECTED 401 /?a', 'handler', 'failed 401']);
  });

  test('an aborted handshake is published with the reason of the abort, and invalid options of connect() are not published', async () => {
    const errors: unknown[] = [];
    on('rfc6455:handshake:failed', ({ error }) => errors.push(error));
    const reason = new Error('no longer needed');
    await expect(connect('ws://127.0.0.1:1/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await expect(connect('ws://127.0.0.1:1/', { handshakeTimeout: 0 })).rejects.toThrow(RangeError);
    expect(errors).toEqual([reason]);
  });

  test('every failed attempt of a reconnection is published', async () => {
    const errors: unknown[] = [];
    on('rfc6455:handshake:failed', ({ error }) => errors.push(error));
    const client = new Reconnection('ws://127.0.0.1:1/', { backoff: { base: 1, max: 1 } });
    client.start().catch(() => {});
    await length(errors, 3);
    await client.stop();
    expect(errors[2]).toMatchObject({ code: 'ECONNREFUSED', stage: 'tcp' });
  });
});
