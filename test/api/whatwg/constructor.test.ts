/** `new WebSocket(…)`: WebSockets Standard, the constructor's steps, and what goes into the request (RFC 6455 §4.1). */
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from '../../../src/websocket.ts';
import { ca, startServer } from '../../transport/servers.ts';
import { closeAll, open, rawServer, thrownBy, watch } from './harness.ts';

afterEach(closeAll);

/** Returns the URL of a `WebSocket` that never connects, since its attempt is aborted at once. */
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

  test('the scheme http becomes ws, and https becomes wss', () => {
    expect(urlOf('http://example.com/x')).toBe('ws://example.com/x');
    expect(urlOf('https://example.com:80/x')).toBe('wss://example.com:80/x');
    expect(urlOf('http://example.com:443/')).toBe('ws://example.com:443/');
  });

  test('spaces around a URL and line ends in it are removed, as the URL Standard says', () => {
    expect(urlOf(' ws://exam\nple.com/\t ')).toBe('ws://example.com/');
  });

  test('an invalid URL is a SyntaxError', () => {
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

  test('a URL with any other scheme is a SyntaxError', () => {
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

  test('a URL with a fragment is a SyntaxError, even if the fragment is empty, and "%23" is accepted', () => {
    for (const url of ['ws://example.com/#a', 'ws://example.com/#', 'http://example.com/?a#b']) {
      expect(thrownBy(() => new WebSocket(url))).toBe('SyntaxError');
    }
    expect(urlOf('ws://example.com/%23')).toBe('ws://example.com/%23');
  });

  test('the errors are DOMExceptions, and do not contain the password of the URL', () => {
    let thrown: unknown;
    try {
      new WebSocket('ws://user:secret@example.com/#a');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(DOMException);
    expect(String(thrown)).not.toContain('secret');
  });

  test('the URL is converted to a string, and its unpaired surrogates become U+FFFD', () => {
    expect(urlOf({ toString: () => 'ws://example.com/o' } as unknown as URL)).toBe('ws://example.com/o');
    expect(urlOf('ws://example.com/\ud800')).toBe('ws://example.com/%EF%BF%BD');
    expect(thrownBy(() => new WebSocket(Symbol('x') as unknown as string))).toBe('TypeError');
    expect(thrownBy(() => new WebSocket(null as unknown as string))).toBe('SyntaxError');
  });

  test('a relative URL is resolved against the URL of the page if there is a page', () => {
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

  test('in a runtime whose location throws, a relative URL is a SyntaxError', () => {
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

  test('a URL for which no request can be made fails the connection, and the constructor does not throw', async () => {
    const { events } = watch('ws://%ff@127.0.0.1:1/');
    expect(events.types).toEqual([]);
    expect((await events.failed()).error).toMatchObject({ stage: 'url' });
    expect(events.types).toEqual(['error', 'close']);
  });

  test('the user and password of the URL become Basic credentials', async () => {
    const server = await rawServer();
    const { events } = watch(server.url.replace('//', '//foo:bar@'));
    await events.opened();
    expect(field(server.requests[0], 'authorization')).toBe('Basic Zm9vOmJhcg==');
  });
});

describe('the subprotocols', () => {
  test('without subprotocols the request has no Sec-WebSocket-Protocol field', async () => {
    const server = await rawServer();
    const { socket, events } = watch(server.url);
    await events.opened();
    expect(field(server.requests[0], 'sec-websocket-protocol')).toBeNull();
    expect(socket.protocol).toBe('');
  });

  test('a string is one subprotocol, and a list is several subprotocols in order', async () => {
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

  test('a subprotocol that is not a token is a SyntaxError', () => {
    for (const bad of ['', ' ', 'a b', 'a,b', 'a/b', 'a\r\nb', 'ü', 'a\x7f', '\0', '(', 'a"', '\u0080']) {
      expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', bad))).toBe('SyntaxError');
      expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', ['ok', bad]))).toBe('SyntaxError');
    }
  });

  test('a repeated subprotocol is a SyntaxError, whatever its case', () => {
    expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', ['a', 'a']))).toBe('SyntaxError');
    expect(thrownBy(() => new WebSocket('ws://127.0.0.1/', ['echo', 'eCho']))).toBe('SyntaxError');
  });

  test('the list of subprotocols is read once, before any other step', () => {
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

  test('the connection fails if the server chooses none of the offered subprotocols, unless requireSubprotocol is false', async () => {
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
  test('the second argument may be a dictionary of options, as in the class of Node.js', async () => {
    const server = await rawServer('Sec-WebSocket-Protocol: chat\r\n');
    const { socket, events } = watch(server.url, { protocols: ['chat'], headers: { 'X-Token': 'abc' } });
    await events.opened();
    expect(socket.protocol).toBe('chat');
    expect(field(server.requests[0], 'x-token')).toBe('abc');
  });

  test('the third argument may have the options of connect, and replaces those of the second argument', async () => {
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

  test('the constructor checks the options at once, before any network activity', async () => {
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

  test('an option of connect that a WebSocket has in another form is refused, and the error names that form', () => {
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

  test('an additional certificate authority can be given for TLS, and the origin of messages is a wss URL', async () => {
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

  test('a certificate that is not trusted fails the connection, and the error has the stage tls', async () => {
    const { url } = await startServer({}, {}, 'listen over TLS');
    const { events } = watch(url);
    expect((await events.failed()).error).toMatchObject({ stage: 'tls' });
  });
});

describe('the arguments', () => {
  test('the constructor throws a TypeError without a URL', () => {
    expect(thrownBy(() => new (WebSocket as unknown as new () => WebSocket)())).toBe('TypeError');
  });

  test('a third argument that is not an object is ignored', () => {
    for (const extra of ['stray', 1, null, undefined, Symbol('x')]) {
      const socket = open('ws://127.0.0.1/', { signal: AbortSignal.abort() }, extra as never);
      expect(socket.readyState).toBe(0);
    }
  });

  test('a call without `new` is a TypeError', () => {
    expect(thrownBy(() => (WebSocket as unknown as (url: string) => void)('ws://127.0.0.1/'))).toBe(
      'TypeError',
    );
  });

  test('the state is CONNECTING at first, with an empty protocol, no extensions and no buffered bytes', async () => {
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

  test('`extensions` has the extensions of the response', async () => {
    const { url } = await startServer({}, { compression: true });
    const { socket, events } = watch(url, [], { compression: true });
    await events.opened();
    expect(socket.extensions).toMatch(/^permessage-deflate/);
    const { socket: plain, events: plainEvents } = watch(url);
    await plainEvents.opened();
    expect(plain.extensions).toBe('');
  });
});
