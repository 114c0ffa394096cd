/**
 * Tests the tables in the documentation of both plugins. Each object that a command returns has the properties and types of its table.
 * Each optional option may be absent. An id in brackets, such as [D1-45], is a line of docs/4d-sentences.md.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { closeFrame, codeOf } from '../../transport/wire.ts';
import { clearSurfaces, RawServer, V1, V2 } from './support.ts';

afterEach(clearSurfaces);

/** Returns the type of each property, with the name that 4D has for this type. */
function typesOf(object: object): Record<string, string> {
  const type = (value: unknown): string => {
    if (Array.isArray(value)) return 'collection';
    return typeof value === 'string' ? 'text' : typeof value;
  };
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, type(value)]));
}

const sent = { success: 'boolean', compressionError: 'boolean', payloadSize: 'number', wireSize: 'number' };

describe('version 2', () => {
  test('the information about a client has the same seven properties before, during and after its connection [D1-29 to D1-36, D1-50]', async () => {
    const v2 = new V2();
    const { url } = await v2.startedServer();
    const expected = {
      readyState: 'text',
      URL: 'text',
      perMessageDeflateOptionsEnabled: 'boolean',
      automaticReconnectionEnabled: 'boolean',
      maxWaitBetweenReconnectionRetries: 'number',
      pingInterval: 'number',
      bufferedAmount: 'number',
    };
    const { id } = v2.client({ URL: url });
    expect(typesOf(v2.client({ id }))).toEqual(expected);
    await v2.clientStart({ id });
    expect(typesOf(v2.client({ id }))).toEqual(expected);
    expect(typesOf(await v2.clientStop({ id }))).toEqual(expected);
  });

  test('the status of `client start` has four properties, and after a failed start it also has errorStr [D1-40 to D1-44]', async () => {
    const v2 = new V2();
    const { url } = await v2.startedServer();
    const status = { headers: 'object', http_status: 'number', success: 'boolean', uri: 'text' };
    const { id } = v2.client({ URL: `${url}there` });
    expect(typesOf(await v2.clientStart({ id }))).toEqual(status);
    // The answer 404 refuses the connection. It is still a response, so the status has the same properties.
    const refuses = await RawServer.start(() => 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
    const { id: other } = v2.client({ URL: refuses.url });
    const failed = await v2.clientStart({ id: other });
    expect(typesOf(failed)).toEqual({ ...status, errorStr: 'text' });
    expect(failed).toMatchObject({ success: false, http_status: 404 });
  });

  test('the start of a stopped client may change every option that the information about a client contains [D1-45]', async () => {
    const v2 = new V2();
    const { url } = await v2.startedServer();
    const { id } = v2.client({ URL: url });
    await v2.clientStart({ id });
    await v2.clientStop({ id });
    const changes = {
      URL: `${url}other`,
      pingInterval: 30,
      enableAutomaticReconnection: false,
      maxWaitBetweenReconnectionRetries: 77,
      enablePerMessageDeflate: true,
    };
    expect(await v2.clientStart({ id, ...changes })).toMatchObject({ success: true, uri: '/other' });
    expect(v2.client({ id })).toMatchObject({
      URL: changes.URL,
      pingInterval: 30,
      automaticReconnectionEnabled: false,
      maxWaitBetweenReconnectionRetries: 77,
      perMessageDeflateOptionsEnabled: true,
    });
  });

  test.each([
    ['neither code nor reason', {}, 1000, 'Normal closure'],
    ['a code', { code: 3001 }, 3001, 'Normal closure'],
    ['a reason', { reason: 'enough' }, 1000, 'enough'],
    ['a code and a reason', { code: 3001, reason: 'enough' }, 3001, 'enough'],
  ])(
    '`client stop` with %s sends the code and reason that the page documents [D1-48, D1-49]',
    async (_title, given, code, reason) => {
      const v2 = new V2();
      const raw = await RawServer.start();
      const { id } = await v2.startedClient(raw.url);
      const stopped = v2.clientStop({ id, ...given });
      const peer = await raw.peer();
      await peer.until(() => peer.frames.length === 1);
      peer.write(closeFrame(code, '', { mask: false })).socket.end();
      await stopped;
      const [close] = peer.frames;
      expect([codeOf(close!), close!.payload.toString('utf8', 2)]).toEqual([code, reason]);
    },
  );

  test('`client send` returns an object with four properties, and `client clear` returns an object with one property [D1-54 to D1-57, D1-60]', async () => {
    const v2 = new V2();
    const { url } = await v2.startedServer();
    const { id } = await v2.startedClient(url);
    expect(typesOf(v2.clientSend({ id, message: 'hello' }))).toEqual(sent);
    expect(typesOf(await v2.clientClear({ id }))).toEqual({ success: 'boolean' });
  });

  test('`server start` returns success, port and host, or success, errorStr and errStr if the start fails [D1-82 to D1-86]', async () => {
    const v2 = new V2();
    const { id } = v2.server({ port: 0 });
    const status = await v2.serverStart({ id });
    expect(typesOf(status)).toEqual({ success: 'boolean', port: 'number', host: 'text' });
    const { id: other } = v2.server({ port: status.port });
    expect(typesOf(await v2.serverStart({ id: other }))).toEqual({
      success: 'boolean',
      errorStr: 'text',
      errStr: 'text',
    });
  });

  test('the start of a stopped server can change all options except six [D1-87]', async () => {
    const v2 = new V2();
    const { id } = v2.server({ port: 0, maxConnections: 2 });
    const kept = {
      port: 70_000,
      host: 'nowhere.invalid',
      backlog: -1,
      maxConnections: 1,
      handshakeTimeoutSecs: -1,
      addressFamily: 99,
    };
    const { success, port } = await v2.serverStart({ id, ...kept });
    expect(success).toBe(true);
    const url = `ws://127.0.0.1:${port}/`;
    for (let count = 0; count < 2; count++) await v2.startedClient(url);
    await v2.serverStop({ id });
    // The start may change the certificate file. This start fails, because the new file does not exist.
    const tls = { tls: true, certFile: 'no.pem', keyFile: 'no.pem' };
    expect(await v2.serverStart({ id, ...tls })).toMatchObject({ success: false });
    expect(await v2.serverStart({ id, tls: false })).toMatchObject({ success: true });
  });

  test('`server send` returns six properties for each connection, and `server clear` returns success [D1-78, D1-95 to D1-102, D1-105]', async () => {
    const v2 = new V2();
    const { id, url } = await v2.startedServer();
    for (const target of ['a', 'b?c']) await v2.startedClient(url + target);
    const statuses = (socket: object): object[] =>
      (v2.serverSend({ id, message: 'hello', ...socket }) as { statuses: object[] }).statuses;
    for (const status of statuses({}))
      expect(typesOf(status)).toEqual({ ...sent, uri: 'text', client: 'number' });
    expect(statuses({})).toHaveLength(2);
    expect(statuses({ uri: '/b?c' })).toMatchObject([{ uri: '/b?c' }]);
    expect(statuses({ uri: ['/a', '/b?c'] })).toMatchObject([{ uri: '/a' }, { uri: '/b?c' }]);
    expect(v2.server({ id }).clients).toEqual(['/a', '/b?c']);
    expect(typesOf(await v2.serverClear({ id }))).toEqual({ success: 'boolean' });
  });
});

describe('version 1', () => {
  const handedOn = { method: 'text', worker: 'text', window: 'number', process: 'number' };

  test('the commands that create and stop a server return an object with the configuration and ref of the server [D2-6 to D2-14, D2-77]', async () => {
    const v1 = new V1();
    const expected = {
      ...handedOn,
      port: 'number',
      host: 'text',
      backlog: 'number',
      maxConnections: 'number',
      ref: 'number',
    };
    const server = v1.server({ port: 0 });
    expect(typesOf(server)).toEqual(expected);
    await v1.serverStart(server);
    expect(typesOf(await v1.serverStop(server))).toEqual(expected);
  });

  test('the command that creates a client returns an object with the options and ref, and `client stop` returns a copy of the object [D2-16 to D2-32, D2-81]', async () => {
    const v1 = new V1();
    const { url } = await v1.startedServer();
    const given = {
      method: '',
      worker: 'w',
      window: 1,
      process: 2,
      url,
      pingInterval: 30,
      pingTimeout: 60,
      enableAutomaticReconnection: false,
      enablePong: true,
    };
    const perMessageDeflate = {
      enabled: true,
      clientNoContextTakeover: true,
      serverNoContextTakeover: false,
      serverMaxWindowBits: 12,
      clientMaxWindowBits: 11,
    };
    const client = v1.client({ ...given, perMessageDeflate });
    expect(client).toMatchObject({ ...given, perMessageDeflate, ref: 1 });
    expect(typesOf(client)).toMatchObject({ ...handedOn, ref: 'number', perMessageDeflate: 'object' });
    await v1.clientStart({ ref: client.ref });
    expect(await v1.clientStop({ ref: client.ref, worker: 'x' })).toEqual({ ...client, worker: 'x' });
    const disabled = v1.client({ ...given, disablePerMessageDeflate: true });
    expect(disabled).toMatchObject({ ...given, disablePerMessageDeflate: true, ref: 2 });
  });

  test('`client start` returns an object with five properties, and `server start` returns success and message [D2-63, D2-64, D2-69 to D2-73]', async () => {
    const v1 = new V1();
    const { ref } = v1.server({ port: 0 });
    const started = await v1.serverStart({ ref });
    expect(typesOf(started)).toEqual({
      success: 'boolean',
      message: 'text',
      port: 'number',
      host: 'text',
    });
    const client = v1.client({ url: `ws://127.0.0.1:${started.port}/`, enableAutomaticReconnection: false });
    const status = {
      success: 'boolean',
      http_status: 'number',
      errorStr: 'text',
      uri: 'text',
      headers: 'object',
    };
    expect(typesOf(await v1.clientStart({ ref: client.ref }))).toEqual(status);
    const nowhere = v1.client({ url: 'nonsense' });
    expect(typesOf(await v1.clientStart({ ref: nowhere.ref }))).toEqual(status);
  });

  test('the status of `client send` has four properties, and `client clear` and `server clear` return {} [D2-82 to D2-101, D2-103 to D2-105, D2-107 to D2-109]', async () => {
    const v1 = new V1();
    const { ref, url } = await v1.startedServer();
    const clients = [await v1.startedClient(url), await v1.startedClient(url), await v1.startedClient(url)];
    const data = Buffer.from('hello');
    const all = v1.serverSend({ ref }, data) as object[];
    expect(all.map(typesOf)).toEqual(clients.map(() => ({ ...sent, client: 'number' })));
    expect(v1.serverSend({ ref, clients: [3, 1] }, data)).toMatchObject([{ client: 3 }, { client: 1 }]);
    expect(typesOf(v1.clientSend(clients[0]!, data) as object)).toEqual(sent);
    expect(v1.serverClients({ ref })).toEqual([1, 2, 3]);
    for (const client of clients) expect(await v1.clientClear(client)).toEqual({});
    expect(await v1.serverClear({ ref })).toEqual({});
    // After `clear`, the clients no longer exist.
    expect(await v1.clientStart(clients[0]!)).toMatchObject({ success: false, errorStr: 'unknown id' });
    expect(await v1.serverStart({ ref })).toMatchObject({ success: false, message: 'unknown id' });
  });
});
