/** Tests `new WebSocket(…)`: the steps of the constructor in the WebSockets Standard, and the request (RFC 6455 §4.1). */
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from '../../../src/websocket.ts';
import { ca, startServer } from '../../transport/servers.ts';
import { closeAll, open, rawServer, thrownBy, watch } from './harness.ts';

afterEach(closeAll);

/** Returns the `url` of a new `WebSocket`, which never connects because its signal is already aborted. */
function urlOf(given: string | URL): string {
  const signal = AbortSignal.abort();
  return open(given, [], { signal }).url;
}

function field(head: string | undefined, name: string): string | null {
  return new RegExp(`^${name}: (.*)\r$`, 'im').exec(head ?? '')?.[1] ?? null;
}

describe('the URL', () => {
  test('the constructor accepts ws and wss URLs, and normalizes them', () => {
    expect(urlOf('ws://Example.COM')).toBe('ws://example.com/');
    expect(urlOf('wss://example.com:443/a b?c=ü')).toBe('wss://example.com/a%20b?c=%C3%BC');
    expect(urlOf(new URL('ws://example.com:80/'))).toBe('ws://example.com/');
    expect(urlOf('ws://example.com:8080/')).toBe('ws://example.com:8080/');
  });

  test('the constructor changes the scheme http to ws and the scheme https to wss', () => {
    expect(urlOf('http://example.com/x')).toBe('ws://example.com/x');
    expect(urlOf('https://example.com:80/x')).toBe('wss://example.com:80/x');
    expect(urlOf('http://example.com:443/')).toBe('ws://example.com:443/');
  });

  test('the constructor removes spaces around a URL and line ends in a URL, as the URL Standard requires', () => {
    expect(urlOf(' ws://exam\nple.com/\t ')).toBe('ws://example.com/');
  });

  test('the constructor throws a SyntaxError for an invalid URL', () => {
    for (const url of [
      '/echo',
      'example.com',
      '',
      'ws://',
      'ws://a b/',
      'ws://[::1',
      'ws://example.com:65536/',
    ]) {
      expect(thrownBy(() => new WebSocket(url))).toBe('SyntaxError');
    }
  });

  test('the constructor throws a SyntaxError for a URL with a scheme other than ws, wss, http and https', () => {
    for (const url of [
      'ftp://example.com/',
      'mailto:a@example.com',
      'about:blank',
      'file:///x',
      'wsx://example.com/',
    ]) {
      expect(thrownBy(() => new WebSocket(url))).toBe('SyntaxError');
    }
  });

  test('the constructor throws a SyntaxError for a URL with a fragment, even an empty one, but it accepts "%23"', () => {
    for (const url of ['ws://example.com/#a', 'ws://example.com/#', 'http://example.com/?a#b']) {
      expect(thrownBy(() => new WebSocket(url))).toBe('SyntaxError');
    }
    expect(urlOf('ws://example.com/%23')).toBe('ws://example.com/%23');
  });

  test('the errors for invalid URLs are DOMExceptions, and they do not contain the password of the URL', () => {
    let thrown: unknown;
    try {
      new WebSocket('ws://user:secret@example.com/#a');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DOMException);
    expect(String(thrown)).not.toContain('secret');
  });

  test('the constructor converts its URL to a string, and unpaired surrogates become U+FFFD', () => {
    expect(urlOf({ toString: () => 'ws://example.com/o' } as unknown as URL)).toBe('ws://example.com/o');
    expect(urlOf('ws://example.com/\ud800')).toBe('ws://example.com/%EF%BF%BD');
    expect(thrownBy(() => new WebSocket(Symbol('x') as unknown as string))).toBe('TypeError');
    expect(thrownBy(() => new WebSocket(null as unknown as string))).toBe('SyntaxError');
  });

  test('if there is a page, the constructor resolves a relative URL with the URL of the page', () => {
    const page = globalThis as { location?: unknown };
    page.location = new URL('https://example.com/a/b?c#d');
    try {
      expect(urlOf('')).toBe('wss://example.com/a/b?c');
      expect(urlOf('e')).toBe('wss://example.com/a/e');
      expect(urlOf('//other.example/')).toBe('wss://other.example/');
      expect(thrownBy(() => new WebSocket('#e'))).toBe('SyntaxError');
    } finally {
      delete page.location;
    }
  });

  test('if reading `location` throws, the constructor throws a SyntaxError for a relative URL', () => {
    Object.defineProperty(globalThis, 'location', {
      configurable: true,
      get() {
        throw new ReferenceError('no location');
      },
    });
    try {
      expect(urlOf('ws://example.com/')).toBe('ws://example.com/');
      expect(thrownBy(() => new WebSocket('/echo'))).toBe('SyntaxError');
    } finally {
      delete (globalThis as { location?: unknown }).location;
    }
  });

  test('if no request to a valid URL is possible, the connection fails, and the constructor does not throw', async () => {
    const { events } = watch('ws://%ff@127.0.0.1:1/');
    expect(events.types).toEqual([]);
    expect((await events.failed()).error).toMatchObject({ stage: 'url' });
    expect(events.types).toEqual(['error', 'close']);
  });

  test('if the URL has a user and a password, the request has these as Basic credentials', async () => {
    const server = await rawServer();
    const { events } = watch(server.url.replace('//', '//foo:bar@'));
    await events.opened();
    expect(field(server.requests[0], 'authorization')).toBe('Basic Zm9vOmJhcg==');
  });
});

describe('the subprotocols', () => {
  test('without subprotocols, the request has no Sec-WebSocket-Protocol field', async () => {
    const server = await rawServer();
    const { socket, events } = watch(server.url);
    await events.opened();
    expect(field(server.requests[0], 'sec-websocket-protocol')).toBeNull();
    expect(socket.protocol).toBe('');
  });

  test('a string as second argument offers one subprotocol, and a list offers all its subprotocols in order', async () => {
    for (const [given, sent] of [
      ['chat', 'chat'],
      [['b', 'a'], 'b, a'],
      [new Set(['b', 'a']) as unknown as string[], 'b, a'],
      [[1, null] as unknown as string[], '1, null'],
      [[], null],
      [undefined, null],
      [null as unknown as string, 'null'],
      [{ protocols: ['x', 'y'] }, 'x, y'],
      [{ protocols: 'x' }, 'x'],
      [{}, null],
    ] as const) {
      const chosen = sent?.split(', ')[0];
      const server = await rawServer(chosen === undefined ? '' : `Sec-WebSocket-Protocol: ${chosen}\r\n`);
      const { socket, events } = watch(server.url, given as string[]);
      expect(socket.protocol).toBe('');
      await events.opened();
      expect(field(server.requests[0], 'sec-websocket-protocol')).toBe(sent);
      expect(socket.protocol).toBe(chosen ?? '');
    }
  });

  test('the constructor throws a SyntaxError for a subprotocol that is not a token', () => {
    for (const bad of ['', ' ', 'a b', 'a,b', 'a/b', 'a\r\nb', 'ü', 'a\x7f', '\0', '(', 'a"', '\u0080']) {
      expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', bad))).toBe('SyntaxError');
      expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', ['ok', bad]))).toBe('SyntaxError');
    }
  });

  test('the constructor throws a SyntaxError if two subprotocols are equal or differ only in upper and lower case', () => {
    expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', ['a', 'a']))).toBe('SyntaxError');
    expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', ['echo', 'eCho']))).toBe('SyntaxError');
  });

  test('the constructor reads the list of subprotocols once, before any other step', () => {
    let reads = 0;
    const list = {
      *[Symbol.iterator]() {
        reads++;
        yield 'a';
        yield { toString: () => 'b' };
      },
    };
    open('ws://127.0.0.1/', list as unknown as string[], { signal: AbortSignal.abort() });
    expect(reads).toBe(1);
    expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', [Symbol('a')] as unknown as string[]))).toBe(
      'TypeError',
    );
  });

  test('by default, the connection fails if the server chooses no subprotocol; with requireSubprotocol: false, the connection opens', async () => {
    const server = await rawServer();
    const strict = watch(server.url, ['chat']);
    expect((await strict.events.failed()).error).toMatchObject({ stage: 'subprotocol' });
    expect(strict.events.types).toEqual(['error', 'close']);
    const lenient = watch(server.url, ['chat'], { requireSubprotocol: false });
    await lenient.events.opened();
    expect(lenient.socket.protocol).toBe('');
  });

  test('the connection fails if the server chooses a subprotocol that was not offered', async () => {
    const server = await rawServer('Sec-WebSocket-Protocol: other\r\n');
    const { socket, events } = watch(server.url, ['chat']);
    expect((await events.failed()).error).toMatchObject({ stage: 'subprotocol' });
    expect(events.types).toEqual(['error', 'close']);
    expect(socket.protocol).toBe('');
  });
});

describe('the options', () => {
  test('the second argument may be an object with options, as in the WebSocket of Node.js', async () => {
    const server = await rawServer('Sec-WebSocket-Protocol: chat\r\n');
    const { socket, events } = watch(server.url, { protocols: ['chat'], headers: { 'X-Token': 'abc' } });
    await events.opened();
    expect(socket.protocol).toBe('chat');
    expect(field(server.requests[0], 'x-token')).toBe('abc');
  });

  test('the third argument may have the options of connect, which take precedence over the options in the second argument', async () => {
    const server = await rawServer();
    const { events } = watch(
      server.url,
      { headers: { 'X-A': '1' } },
      { headers: new Map([['X-B', '2']]), origin: 'https://a.example' },
    );
    await events.opened();
    expect(field(server.requests[0], 'x-a')).toBeNull();
    expect(field(server.requests[0], 'x-b')).toBe('2');
    expect(field(server.requests[0], 'origin')).toBe('https://a.example');
  });

  test('the constructor checks the options during the call, before any network activity', async () => {
    const server = await rawServer();
    for (const options of [
      { headers: { Host: 'x' } },
      { headers: { 'X-A': 'a\r\nb' } },
      { maxMessageSize: 0 },
      { handshakeTimeout: 'soon' },
      { maxMessagesize: 1 },
      { tls: 1 },
      { signal: 1 },
      { signal: {} },
    ]) {
      const given = options as unknown as Record<string, never>;
      expect(thrownBy(() => new WebSocket(server.url, [], given))).toMatch(/^(?:TypeError|RangeError)$/);
      expect(thrownBy(() => new WebSocket(server.url, given))).toMatch(/^(?:TypeError|RangeError)$/);
    }
    expect(server.requests).toEqual([]);
  });

  test('the constructor refuses options of connect that a WebSocket cannot have, and the error gives the reason', () => {
    const texts = Object.entries({
      handlers: /listeners/,
      data: /no data/,
      text: /strings/,
      subprotocols: /second argument/,
      dispatcher: /undici.*proxy/,
    });
    for (const [name, text] of texts) {
      expect(() => new WebSocket('ws://127.0.0.1/', { [name]: {} })).toThrow(text);
      expect(() => new WebSocket('ws://127.0.0.1/', [], { [name]: {} } as never)).toThrow(text);
    }
  });

  test('the option tls can add a certificate authority, and then the origin of message events is a wss URL', async () => {
    const { server, url } = await startServer(
      { message: (connection, text) => void connection.send(text) },
      {},
      'listen over TLS',
    );
    const { socket, events } = watch(url, [], { tls: { ca } });
    await events.opened();
    socket.send('over TLS');
    expect(await events.messages(1)).toEqual(['over TLS']);
    expect((events.of('message')[0] as MessageEvent).origin).toBe(url.slice(0, -1));
    expect(server.connections.size).toBe(1);
  });

  test('if the certificate of the server is not trusted, the connection fails, and the error has the stage tls', async () => {
    const { url } = await startServer({}, {}, 'listen over TLS');
    const { events } = watch(url);
    expect((await events.failed()).error).toMatchObject({ stage: 'tls' });
  });
});

describe('the arguments', () => {
  test('the constructor throws a TypeError if it has no URL', () => {
    expect(thrownBy(() => new (WebSocket as unknown as new () => WebSocket)())).toBe('TypeError');
  });

  test('the constructor ignores a third argument that is not an object', () => {
    for (const extra of ['stray', 1, null, undefined, Symbol('x')]) {
      const socket = open('ws://127.0.0.1/', { signal: AbortSignal.abort() }, extra as never);
      expect(socket.readyState).toBe(0);
    }
  });

  test('a call of WebSocket without `new` throws a TypeError', () => {
    expect(thrownBy(() => (WebSocket as unknown as (url: string) => void)('ws://127.0.0.1/'))).toBe(
      'TypeError',
    );
  });

  test('a new WebSocket has the state CONNECTING, an empty protocol, no extensions, and a bufferedAmount of 0', async () => {
    const server = await rawServer();
    const { socket, events } = watch(server.url);
    const { readyState, protocol, extensions, bufferedAmount, binaryType } = socket;
    expect({ readyState, protocol, extensions, bufferedAmount, binaryType }).toEqual({
      readyState: 0,
      protocol: '',
      extensions: '',
      bufferedAmount: 0,
      binaryType: 'blob',
    });
    await events.opened();
    expect(socket.readyState).toBe(1);
  });

  test('`extensions` lists the extensions in the response of the server', async () => {
    const { url } = await startServer({}, { compression: true });
    const { socket, events } = watch(url, [], { compression: true });
    await events.opened();
    expect(socket.extensions).toMatch(/^permessage-deflate/);
    const { socket: plain, events: plainEvents } = watch(url);
    await plainEvents.opened();
    expect(plain.extensions).toBe('');
  });
});
