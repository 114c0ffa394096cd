/** The `request` object of onConnection: headers, query, url, remoteAddress. */
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type ConnectionRequest, WebServer, WebSocketServer } from '../../../src/4d.ts';
import { requestHead } from '../../transport/wire.ts';
import { closeAll, peerOf, request, startWeb } from './harness.ts';

afterEach(closeAll);

/** What onConnection gets for a request. */
async function seen(
  target: string,
  changes: Parameters<typeof requestHead>[0] = {},
  options: { readonly trustedProxies?: number } = {},
): Promise<ConnectionRequest> {
  const web = await startWeb();
  let found: ConnectionRequest | null = null;
  new WebSocketServer(
    {
      onConnection(_wss, event) {
        found = event.request;
      },
    },
    { server: web, ...options },
  );
  expect(await request(peerOf(web), target, changes)).toBe(403);
  if (found === null) throw new Error('onConnection was not called');
  return found;
}

describe('headers', () => {
  test('B-request-headers, C80: names keep their spelling; repeated names in any case form an array under the first spelling', async () => {
    const { headers } = await seen('/', {
      'X-Tag': 'one',
      'x-tag': ['two', 'three'],
      cookie: 'a=b',
      'X-Forwarded-For': '192.0.2.1',
    });
    expect({ ...headers }).toEqual({
      Host: 'localhost',
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version': '13',
      'X-Tag': ['one', 'two', 'three'],
      cookie: 'a=b',
      'X-Forwarded-For': '192.0.2.1',
    });
  });

  test('C80: a name that objects inherit is an ordinary key', async () => {
    const { headers } = await seen('/', { constructor: 'x', ['__proto__']: 'y' });
    expect(Object.getPrototypeOf(headers)).toBe(null);
    expect(headers.constructor).toBe('x');
    expect(headers.toString).toBe(undefined);
  });
});

describe('query', () => {
  test('B-request-query: keys and values are parsed', async () => {
    const { query } = await seen('/?key1=value1&key2=value2');
    expect({ ...query }).toEqual({ key1: 'value1', key2: 'value2' });
  });

  test.each([
    ['C81: decoded, with + for a space', '/?a+b=%C3%A9+1%2B1', { 'a b': 'é 1+1' }],
    ['C81: repeats are an array', '/?a=1&b=2&a=3&a=', { a: ['1', '3', ''], b: '2' }],
    ['C81: without a value', '/?a&b=&=c', { a: '', b: '', '': 'c' }],
    ['C81: what is no percent encoding stays', '/?a=%zz%', { a: '%zz%' }],
    ['C81: none', '/', {}],
    ['C81: an empty one', '/?', {}],
  ])('%s', async (_title, target, expected) => {
    const { query, url } = await seen(target);
    expect({ ...query }).toEqual(expected);
    expect(url).toBe(target);
  });

  test('C81: the object has no prototype', async () => {
    const { query } = await seen('/?__proto__=x&toString=y');
    expect(Object.getPrototypeOf(query)).toBe(null);
    expect(Object.entries(query)).toEqual([
      ['__proto__', 'x'],
      ['toString', 'y'],
    ]);
  });
});

test('B-request-url: url is the target as it was sent', async () => {
  expect((await seen('/status?name=ryan')).url).toBe('/status?name=ryan');
  expect((await seen('/a/../%62//c')).url).toBe('/a/../%62//c');
});

describe('remoteAddress', () => {
  test('B-request-remoteAddress, C82: it is the IP address of the socket, whatever X-Forwarded-For says', async () => {
    const { remoteAddress } = await seen('/', { 'X-Forwarded-For': '192.0.2.1' });
    expect(remoteAddress).toBe('127.0.0.1');
  });

  test('C82: an IPv4 client of a dual-stack socket has its IPv4 address', async () => {
    const web = await startWeb({ host: '::' });
    let address = '';
    new WebSocketServer(
      {
        onConnection(_wss, event) {
          address = event.request.remoteAddress;
        },
      },
      { server: web },
    );
    await request(peerOf(web));
    expect(address).toBe('127.0.0.1');
  });

  test.each([
    ['C82: one proxy', 1, ['198.51.100.9, 192.0.2.1'], '192.0.2.1'],
    ['C82: two proxies', 2, ['203.0.113.5, 198.51.100.9', '192.0.2.1'], '198.51.100.9'],
    ['C82: more proxies than entries', 5, ['198.51.100.9,192.0.2.1'], '198.51.100.9'],
    ['C82: nothing of the header', 1, [' , '], '127.0.0.1'],
    ['C82: mapped', 1, ['::ffff:192.0.2.1'], '192.0.2.1'],
  ])('%s', async (_title, trustedProxies, forwarded, expected) => {
    const { remoteAddress } = await seen('/', { 'X-Forwarded-For': forwarded }, { trustedProxies });
    expect(remoteAddress).toBe(expected);
  });

  test.skipIf(process.platform === 'win32')('C82: it is empty if the socket has no address', async () => {
    const path = join(tmpdir(), `rfc6455-${process.pid}.sock`);
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(path, resolve));
    const web = WebServer.of(http);
    expect([web.host, web.port]).toEqual([path, 0]);
    let address: string | null = null;
    new WebSocketServer(
      {
        onConnection(_wss, event) {
          address = event.request.remoteAddress;
        },
      },
      { server: web },
    );
    const socket = connect(path);
    socket.write(requestHead());
    await new Promise((resolve) => socket.once('data', resolve));
    expect(address).toBe('');
    socket.destroy();
    await web.stop(0);
  });
});
