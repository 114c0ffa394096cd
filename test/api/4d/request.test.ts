/** The `request` object that onConnection receives, with its properties headers, query, url and remoteAddress. */
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type ConnectionRequest, WebServer, WebSocketServer } from '../../../src/4d.ts';
import { requestHead } from '../../transport/wire.ts';
import { unixPath } from '../../unix-path.ts';
import { closeAll, peerOf, request, startWeb } from './harness.ts';

afterEach(closeAll);

/** Returns the `request` object that onConnection receives. */
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

describe('headers of the request', () => {
  test('B-request-headers, C80: header names keep their spelling, and all values of a repeated name form an array, even if the case of the name differs', async () => {
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

  test('C80: a header whose name is an inherited member of objects, for example `constructor`, is an ordinary property', async () => {
    const { headers } = await seen('/', { constructor: 'x', ['__proto__']: 'y' });
    expect(Object.getPrototypeOf(headers)).toBe(null);
    expect(headers.constructor).toBe('x');
    expect(headers.toString).toBe(undefined);
  });
});

describe('query of the request', () => {
  test("B-request-query: the object `query` of a request has the keys and values of the URL's query", async () => {
    const { query } = await seen('/?key1=value1&key2=value2');
    expect({ ...query }).toEqual({ key1: 'value1', key2: 'value2' });
  });

  test.each([
    [
      'C81: keys and values of the query are decoded, and + stands for a space',
      '/?a+b=%C3%A9+1%2B1',
      { 'a b': 'é 1+1' },
    ],
    [
      'C81: the values of a repeated key of the query form an array',
      '/?a=1&b=2&a=3&a=',
      { a: ['1', '3', ''], b: '2' },
    ],
    [
      'C81: a key of the query without a value has an empty text as its value',
      '/?a&b=&=c',
      { a: '', b: '', '': 'c' },
    ],
    ['C81: an invalid percent-encoding in the query stays unchanged', '/?a=%zz%', { a: '%zz%' }],
    ['C81: `query` is an empty object for a target without a query', '/', {}],
    ['C81: `query` is an empty object for an empty query', '/?', {}],
  ])('%s', async (_title, target, expected) => {
    const { query, url } = await seen(target);
    expect({ ...query }).toEqual(expected);
    expect(url).toBe(target);
  });

  test('C81: the query object has no prototype', async () => {
    const { query } = await seen('/?__proto__=x&toString=y');
    expect(Object.getPrototypeOf(query)).toBe(null);
    expect(Object.entries(query)).toEqual([
      ['__proto__', 'x'],
      ['toString', 'y'],
    ]);
  });
});

test('B-request-url: `url` is the request target as the client has sent it', async () => {
  expect((await seen('/status?name=ryan')).url).toBe('/status?name=ryan');
  expect((await seen('/a/../%62//c')).url).toBe('/a/../%62//c');
});

describe('remoteAddress', () => {
  test('B-request-remoteAddress, C82: by default remoteAddress is the IP address of the socket, and X-Forwarded-For has no effect', async () => {
    const { remoteAddress } = await seen('/', { 'X-Forwarded-For': '192.0.2.1' });
    expect(remoteAddress).toBe('127.0.0.1');
  });

  test('C82: if an IPv4 client connects to a socket for IPv4 and IPv6, remoteAddress is the IPv4 address of the client', async () => {
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
    [
      'C82: with one trusted proxy, remoteAddress is the last address in X-Forwarded-For',
      1,
      ['198.51.100.9, 192.0.2.1'],
      '192.0.2.1',
    ],
    [
      'C82: with two trusted proxies, remoteAddress is the second address from the end of X-Forwarded-For',
      2,
      ['203.0.113.5, 198.51.100.9', '192.0.2.1'],
      '198.51.100.9',
    ],
    [
      'C82: if X-Forwarded-For has fewer addresses than trusted proxies, remoteAddress is the first address',
      5,
      ['198.51.100.9,192.0.2.1'],
      '198.51.100.9',
    ],
    ['C82: if X-Forwarded-For is empty, remoteAddress is the address of the socket', 1, [' , '], '127.0.0.1'],
    [
      'C82: if X-Forwarded-For has an IPv4 address that is mapped to IPv6, remoteAddress is the IPv4 address',
      1,
      ['::ffff:192.0.2.1'],
      '192.0.2.1',
    ],
  ])('%s', async (_title, trustedProxies, forwarded, expected) => {
    const { remoteAddress } = await seen('/', { 'X-Forwarded-For': forwarded }, { trustedProxies });
    expect(remoteAddress).toBe(expected);
  });

  test.skipIf(process.platform === 'win32')(
    'C82: if the socket has no address, remoteAddress is an empty text',
    async () => {
      const path = unixPath();
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
    },
  );
});
