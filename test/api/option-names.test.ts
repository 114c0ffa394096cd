/** An unknown option or an argument in the wrong place throws an exception at once. The text says what to write instead. */
import { createServer } from 'node:http';
import { createSecureServer as createHttp2SecureServer, createServer as createHttp2Server } from 'node:http2';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import type { ConnectOptions } from '../../src/api/connect-options.ts';
import { describe as describeValue } from '../../src/api/option-names.ts';
import { Reconnection, reconnect } from '../../src/api/reconnect.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import { reject } from '../../src/api/upgrade-answer.ts';
import { closeServers, startServer } from '../transport/servers.ts';
import { pair, until, warningsOf } from './pair.ts';

afterEach(closeServers);

const nowhere = 'ws://127.0.0.1:1/';
// biome-ignore lint/suspicious/noExplicitAny: these tests pass values that the compiler refuses.
type Anything = any;

describe('names of options', () => {
  const server = (options: Anything) => new WebSocketServer({}, options);

  test.each<[string, object, string]>([
    [
      'misspelt',
      { maxMesageSize: 1 },
      'WebSocketServer has no option "maxMesageSize": did you mean "maxMessageSize"?',
    ],
    ['in another case', { maxmessagesize: 1 }, 'did you mean "maxMessageSize"?'],
    [
      'from the package ws',
      { maxPayload: 1 },
      'WebSocketServer has no option "maxPayload": use maxMessageSize',
    ],
    ['from the package ws', { perMessageDeflate: true }, 'use compression'],
    ['that belongs to listen', { port: 8080 }, 'it is an option of listen()'],
    ['that is a handler', { message() {} }, 'it is a handler, and belongs to the first argument'],
    ['unknown', { wheels: 4 }, 'has no option "wheels"; it has { maxMessageSize, '],
    [
      'in heartbeat',
      { heartbeat: { intervall: 1 } },
      'heartbeat has no option "intervall": did you mean "interval"?',
    ],
    [
      'in pings',
      { pings: { interval: 1, timeOut: 1 } },
      'pings has no option "timeOut": did you mean "timeout"?',
    ],
    ['in compression', { compression: { treshold: 1 } }, 'did you mean "threshold"?'],
  ])('the server refuses an option (%s): %j', (_, options, message) => {
    expect(() => server(options)).toThrow(TypeError);
    expect(() => server(options)).toThrow(message);
  });

  test('an undefined option counts as absent, and an inherited property is ignored', () => {
    server({ nothing: undefined });
    server(Object.create({ maxPayload: 1 }));
    server(Object.assign(Object.create(null), { maxMessageSize: 1 }));
    expect(() => server({ constructor: 1 })).toThrow(TypeError);
  });

  test.each([null, 8080, 'x', [], () => {}])(
    'every function that takes options throws if the options are %s',
    async (options: Anything) => {
      expect(() => server(options)).toThrow('not an object');
      const one = new WebSocketServer();
      await expect(one.listen(options)).rejects.toThrow(/^the options of listen are/);
      expect(() => one.attach(createServer(), options)).toThrow(/^the options of attach are/);
      expect(() => one.shutdown(options)).toThrow(/^the options of shutdown are/);
      await expect(connect(nowhere, options)).rejects.toThrow(TypeError);
      expect(() => reconnect(nowhere, options)).toThrow(/^the options of reconnect are/);
    },
  );

  test.each<[string, object, string]>([
    ['misspelt', { handshakeTimout: 5 }, 'did you mean "handshakeTimeout"?'],
    ['from undici', { dispatcher: {} }, 'connect has no option "dispatcher": use proxy, tcp or tls'],
    ['from the package ws', { agent: {} }, 'socket: ({ host, port }) => agent.createConnection('],
    ['of tls.connect', { ca: '' }, 'connect has no option "ca": put it into { tls }'],
    ['of net.connect', { localAddress: '' }, 'put it into { tcp }'],
    ['that is a handler', { message() {} }, 'put it into { handlers }'],
  ])('connect refuses an option (%s)', async (_, options, message) => {
    await expect(connect(nowhere, options)).rejects.toThrow(message);
  });

  test('connect rejects if its second argument is a list of subprotocols, and the error names the option `subprotocols`', async () => {
    for (const protocols of ['chat', ['chat']] as Anything[]) {
      await expect(connect(nowhere, protocols)).rejects.toThrow('{ subprotocols: [...] }');
    }
  });

  test.each<[object, string]>([
    [{ signal: {} }, 'signal is not an AbortSignal'],
    [{ socket: {} }, 'socket is not a Duplex'],
    [{ tls: true }, 'tls is true, not an object'],
    [{ tcp: null }, 'tcp is null, not an object'],
    [{ subprotocols: 'chat' }, 'subprotocols is a list of tokens'],
    [{ headers: 'A: b' }, 'Header fields are an object, or a list, not a string'],
    [{ headers: { A: 5 } }, 'The value of the header field A is of type number, not a string'],
  ])('connect refuses invalid options: %j', async (options, message) => {
    const attempt = connect(nowhere, options as ConnectOptions);
    await expect(attempt).rejects.toThrow(TypeError);
    await expect(attempt).rejects.toThrow(message);
  });

  test('reconnect refuses unknown options before the first attempt, including unknown options in `backoff` and `connect`', () => {
    const make = (options: Anything) => () => new Reconnection(nowhere, options);
    expect(make({ maxQeued: 1 })).toThrow('did you mean "maxQueued"?');
    expect(make({ headers: {} })).toThrow('what is for connect() goes into { connect }');
    expect(make({ backoff: { frist: 1 } })).toThrow('did you mean "first"?');
    expect(make({ connect: { handshakeTimout: 1 } })).toThrow('did you mean "handshakeTimeout"?');
    expect(make({ handlers: () => {} })).toThrow('handlers is a function');
  });

  test('without an `ended` handler, `reconnect` emits a process warning for an invalid URL', async () => {
    const heard: unknown[] = [];
    const warnings = await warningsOf(async () => {
      const silent = reconnect('no URL');
      const other = reconnect('no URL', { handlers: { ended: (cause) => heard.push(cause) } });
      await until(() => !silent.isActive && !other.isActive);
    });
    expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining('Not a valid absolute')]);
    expect(heard).toHaveLength(1);
  });

  test('listen refuses the option `tls` without a certificate', async () => {
    const one = new WebSocketServer();
    await expect(one.listen({ tls: {} })).rejects.toThrow(
      'tls has no certificate: it needs cert and key, or pfx',
    );
    await expect(one.listen({ tls: true } as Anything)).rejects.toThrow('tls is a boolean');
    await expect(one.listen({ cert: '', key: '' } as Anything)).rejects.toThrow('put it into { tls }');
  });

  test('`send` throws for invalid options and messages, and the error says what to write instead', async () => {
    const { right } = await pair({ message() {} });
    const send = (message: Anything, options?: Anything) => () => right.send(message, options);
    expect(send('x', { fragmentsize: 1 })).toThrow(
      'send has no option "fragmentsize": did you mean "fragmentSize"?',
    );
    expect(send('x', 5)).toThrow('the options of send are a number');
    expect(send({ a: 1 })).toThrow('not an object: JSON.stringify it');
    expect(send([1])).toThrow('not an array: JSON.stringify it');
    expect(send(new Blob([]))).toThrow('not a Blob: await its arrayBuffer()');
    expect(send(undefined)).toThrow('not undefined');
    expect(() => right.close(1000, 5 as Anything)).toThrow('the close reason is a number, not a string');
    expect(right.state).toBe('open');
    expect(right.bufferedAmount).toBe(0);
  });

  test('the option `except` of broadcast may be a connection or a Set of connections, but not an array', async () => {
    const { server, left } = await pair({ message() {} });
    expect(() => server.broadcast('x', [left] as Anything)).toThrow(
      'the options of broadcast are an array, not an object',
    );
    expect(server.broadcast('x', new Set([left]))).toBe(0);
    expect(server.broadcast('x', left)).toBe(0);
    expect(server.broadcast('x')).toBe(1);
  });
});

describe('names of handlers', () => {
  const server = (handlers: Anything) => () => new WebSocketServer(handlers);

  test.each<[unknown, string]>([
    [null, 'handlers is null'],
    [() => {}, 'handlers is a function'],
    [[], 'handlers is an array'],
    [{ port: 8080 }, 'handlers has "port" and no handler: it is an option of listen()'],
    [{ message: 'x' }, 'the handler "message" is a string, not a function'],
    [{ message: null }, 'the handler "message" is null, not a function'],
    [{ onMessage() {} }, 'there is no handler "onMessage": it is called "message"'],
    [{ open() {}, onclose() {} }, 'there is no handler "onclose": it is called "close"'],
  ])('the server refuses invalid handlers: %j', (handlers, message) => {
    expect(server(handlers)).toThrow(TypeError);
    expect(server(handlers)).toThrow(message);
  });

  test('if the handlers are an instance of a class, the instance may have members that are not handlers', () => {
    class Chat {
      port = 8080;
      onMessage = (): void => {};
      message(): void {}
    }
    expect(server(new Chat())).not.toThrow();
    expect(server({ message: undefined, open() {} })).not.toThrow();
    // The constructor does not call a getter and does not read from a Proxy.
    expect(
      server({
        get message() {
          throw new Error('too early');
        },
      }),
    ).not.toThrow();
    expect(server(new Proxy({}, { get: () => expect.unreachable() }))).not.toThrow();
  });

  test('connect refuses the same invalid handlers as the server', async () => {
    await expect(connect(nowhere, { handlers: null } as Anything)).rejects.toThrow('handlers is null');
    await expect(connect(nowhere, { handlers: { onopen() {} } } as Anything)).rejects.toThrow(
      'it is called "open"',
    );
  });
});

test('attach refuses every value that is not an HTTP/1 server, for example an HTTP/2 server or an application of a framework', () => {
  const one = new WebSocketServer();
  const attach = (server: Anything) => () => one.attach(server);
  const application = Object.assign(() => {}, { on() {}, listen() {}, listenerCount: () => 0 });
  expect(attach(application)).toThrow('attach takes an HTTP server, not an application');
  expect(attach(undefined)).toThrow('not undefined');
  expect(attach(8080)).toThrow('not a number');
  expect(attach(createHttp2Server())).toThrow('HTTP/2 has no upgrades');
  // Such a server would listen, but it would never emit 'upgrade'.
  expect(attach(createHttp2SecureServer())).toThrow('allowHTTP1: true');
  expect(attach(createHttp2SecureServer({ allowHTTP1: true }))).not.toThrow();
});

test('if `upgrade` returns data without `{ data }` around the data, the answer is 500, and a warning names the properties', async () => {
  const { server, url } = await startServer({ upgrade: (): Anything => ({ user: 'Ann' }) });
  const warnings = await warningsOf(async () => {
    await expect(connect(url)).rejects.toMatchObject({ status: 500 });
  });
  expect(warnings.map(({ message }) => message)).toEqual([
    'what upgrade returns has no option "user"; it has { data, subprotocol, headers, keepRequest }',
  ]);
  expect(server.connections.size).toBe(0);
});

test('`reject` throws if the body is not a string', () => {
  expect(() => reject(401, { error: 'who?' } as Anything)).toThrow('the body is an object, not a string');
});

test('describeValue returns the kind of a value as text, for example "a number"', () => {
  const values = [null, undefined, 1, '', [], {}, () => {}, new Map(), Object.create(null)];
  expect(values.map(describeValue)).toEqual([
    'null',
    'undefined',
    'a number',
    'a string',
    'an array',
    'an object',
    'a function',
    'a Map',
    'an object',
  ]);
});
