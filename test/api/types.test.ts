/** Code that the compiler accepts, and code that the compiler refuses. The type check of the project includes this file. */
import { expect, expectTypeOf, test } from 'vitest';
import {
  type Backoff,
  type CloseInfo,
  type Connection,
  type ConnectionHandlers,
  type ConnectOptions,
  connect,
  type ReconnectCause,
  Reconnection,
  type ReconnectOptions,
  reconnect,
  reject,
  type ServerHandlers,
  type ServerOptions,
  WebSocketServer,
} from '../../src/index.ts';

interface User {
  readonly name: string;
}

test('the type of `connection.data` is undefined by default', () => {
  new WebSocketServer({
    open: (connection) => expectTypeOf(connection.data).toEqualTypeOf<undefined>(),
  });
  expectTypeOf<Connection['data']>().toEqualTypeOf<undefined>();
});

test('`data` has the type that `upgrade` returns, in every handler and for each connection of `server.connections`', () => {
  const server = new WebSocketServer<User>({
    upgrade: (request) => (request.query === '' ? reject(401) : { data: { name: request.query } }),
    open: (connection) => {
      expectTypeOf(connection).toEqualTypeOf<Connection<User>>();
      expectTypeOf(connection.data).toEqualTypeOf<User>();
    },
    message: (connection, message, isBinary, wireSize) => {
      expectTypeOf(connection.data.name).toBeString();
      expectTypeOf(message).toEqualTypeOf<string | Buffer>();
      expectTypeOf(isBinary).toBeBoolean();
      expectTypeOf(wireSize).toBeNumber();
    },
    close: (connection, code, reason, wasClean) => {
      expectTypeOf(connection.data).toEqualTypeOf<User>();
      expectTypeOf([code, reason, wasClean] as const).toEqualTypeOf<readonly [number, string, boolean]>();
    },
    error: (_connection, error) => expectTypeOf(error).toEqualTypeOf<Error>(),
  });
  for (const connection of server.connections) expectTypeOf(connection.data).toEqualTypeOf<User>();
});

test('if the Data type of a server does not include undefined, the compiler requires an `upgrade` that returns data', () => {
  const check = (): void => {
    // @ts-expect-error There are no handlers, so no `upgrade` returns the data.
    new WebSocketServer<User>();
    // @ts-expect-error There is no `upgrade` handler.
    new WebSocketServer<User>({ open: (connection) => connection.data.name });
    // @ts-expect-error `upgrade` accepts the request without data.
    new WebSocketServer<User>({ upgrade: () => {} });
    // @ts-expect-error `upgrade` accepts the request without data.
    new WebSocketServer<User>({ upgrade: async () => ({ subprotocol: 'chat' }) });
    // @ts-expect-error ServerHandlers also requires `upgrade`.
    const handlers: ServerHandlers<User> = { open: () => {} };
    new WebSocketServer(handlers);
    new WebSocketServer<User | undefined>();
    new WebSocketServer<User | undefined>({ open: (connection) => connection.data?.name });
    new WebSocketServer<User | undefined>({ upgrade: () => {} });
    new WebSocketServer();
  };
  expectTypeOf(check).toBeFunction();
});

test('the compiler infers Data from the result of `upgrade`', () => {
  const server = new WebSocketServer({
    upgrade: async (request) => (request.query === '' ? reject(401) : { data: { name: request.query } }),
    open: (connection) => expectTypeOf(connection.data.name).toBeString(),
  });
  for (const { data } of server.connections) expectTypeOf(data).toEqualTypeOf<{ name: string }>();
});

test('the compiler accepts undefined for each option of a server, even with exactOptionalPropertyTypes', () => {
  const check = async (connection: Connection): Promise<void> => {
    const none = undefined;
    const server = new WebSocketServer(
      { upgrade: () => ({ data: none, subprotocol: none, headers: none }) },
      {
        maxMessageSize: none,
        heartbeat: { interval: none, timeout: none },
        pings: { interval: 1, first: none, timeout: none, answerEach: none, payload: none },
        compression: { threshold: none, level: none, budget: none },
        memoryBudget: none,
        subprotocols: none,
        origins: none,
        maxConnections: none,
        text: none,
        autoPong: none,
        closeReason: none,
      },
    );
    await server.listen({ port: none, host: none, path: none, socketPath: none, tls: none, signal: none });
    await server.shutdown({ code: none, reason: none, grace: none });
    connection.send('x', { compress: none, fragmentSize: none, lastFragmentSize: none });
    await connect('ws://localhost/', {
      data: none,
      handlers: none,
      unref: none,
      text: none,
      subprotocols: none,
      headers: none,
      origin: none,
      signal: none,
      tls: none,
      proxy: none,
      redirects: none,
      maxMessageSize: none,
    });
  };
  expectTypeOf(check).toBeFunction();
});

test('send takes a callback as its second or third argument, and write and drained return Promises', () => {
  const check = (connection: Connection): void => {
    expectTypeOf(
      connection.send('x', (error) => expectTypeOf(error).toEqualTypeOf<Error | null>()),
    ).toBeBoolean();
    connection.send('x', { compress: false }, () => {});
    connection.send('x', undefined, () => {});
    // @ts-expect-error A callback has to be a function.
    connection.send('x', {}, 'done');
    expectTypeOf(connection.write('x', { fragmentSize: 1 })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(connection.drained()).toEqualTypeOf<Promise<void>>();
  };
  expectTypeOf(check).toBeFunction();
});

test('the last argument of the close handler is the whole CloseInfo', () => {
  const handlers: ConnectionHandlers = {
    close: (_connection, _code, _reason, _wasClean, info) => {
      expectTypeOf(info).toEqualTypeOf<CloseInfo>();
      expectTypeOf(info.sentCode).toEqualTypeOf<number | null>();
      expectTypeOf(info.error).toEqualTypeOf<Error | null>();
    },
  };
  new WebSocketServer(handlers);
});

test('generic code can pass handlers on to the server', () => {
  const make = <Data>(handlers: ServerHandlers<Data>, options: ServerOptions): WebSocketServer<Data> =>
    new WebSocketServer<Data>(handlers, options);
  expectTypeOf(make).toBeFunction();
});

test('`isBinary` narrows the type of the message in arrow functions and in methods, with three or four parameters', () => {
  const handlers: ConnectionHandlers = {
    message: (connection, message, isBinary) =>
      connection.send(isBinary ? message.subarray(1) : message.toUpperCase()),
  };
  const all: ServerHandlers<User> = {
    upgrade: () => ({ data: { name: 'ada' } }),
    message(connection, message, isBinary, wireSize) {
      if (isBinary) {
        expectTypeOf(message).toEqualTypeOf<Buffer>();
        return;
      }
      expectTypeOf(message).toEqualTypeOf<string>();
      expectTypeOf(wireSize).toBeNumber();
      expectTypeOf(connection).toEqualTypeOf<Connection<User>>();
    },
  };
  new WebSocketServer(handlers);
  new WebSocketServer<User>(all);
});

test("with text: 'bytes', isBinary does not narrow a text message to a string", () => {
  new WebSocketServer(
    {
      message: (_connection, message, isBinary) => {
        if (!isBinary) expectTypeOf(message).toEqualTypeOf<string | Buffer>();
      },
    },
    { text: 'bytes' },
  );
});

test('a handler that annotates the types of its parameters compiles, although `isBinary` narrows the type of a message', () => {
  class Handlers implements ConnectionHandlers {
    message(connection: Connection, message: string | Buffer, _isBinary: boolean): void {
      connection.send(message);
    }
  }
  const annotated: ConnectionHandlers = {
    message: (_connection: Connection, message: string | Buffer, isBinary: boolean, wireSize: number) =>
      isBinary ? message.length : wireSize,
  };
  const ofBytes: ConnectionHandlers = {
    message: (connection, message: Buffer) => connection.sendText(message),
  };
  const forwarding: ConnectionHandlers = {
    message: (connection, message, isBinary, wireSize) =>
      annotated.message?.(connection, message, isBinary, wireSize),
  };
  const wrong: ConnectionHandlers = {
    // @ts-expect-error A message cannot be a number.
    message: (_connection: Connection, message: number) => message,
  };
  for (const handlers of [new Handlers(), annotated, ofBytes, forwarding, wrong]) {
    new WebSocketServer(handlers);
  }
  new WebSocketServer({ message: async (connection, message) => void connection.send(message) });
  new WebSocketServer({ message() {} });
});

test('`upgrade` may be asynchronous, and the compiler checks the type of the data', () => {
  const handlers: ServerHandlers<User> = {
    upgrade: async () => ({ data: { name: 'ada' } }),
  };
  new WebSocketServer(handlers);
  new WebSocketServer<User>({
    // @ts-expect-error The data has another type.
    upgrade: () => ({ data: { name: 5 } }),
  });
  new WebSocketServer<User>({
    // @ts-expect-error `false` is not a valid result. To refuse a request, `upgrade` returns reject().
    upgrade: () => false,
  });
  new WebSocketServer<User>({
    // @ts-expect-error `null` is not a valid result.
    upgrade: () => null,
  });
});

test('a handler may return any value, so the body of an arrow function can be a single call of send', () => {
  const handlers: ConnectionHandlers = {
    message: (connection, message) => connection.send(message),
    open: async () => {},
    close: () => 5,
  };
  expectTypeOf(handlers).toExtend<ServerHandlers>();
  new WebSocketServer(handlers);
});

test('send accepts strings, buffers and views, and no other type', () => {
  const check = (connection: Connection): void => {
    expectTypeOf(connection.send('text')).toBeBoolean();
    connection.send(Buffer.alloc(1));
    connection.send(new Float64Array(1));
    connection.send(new DataView(new ArrayBuffer(1)));
    connection.send(new ArrayBuffer(1));
    connection.send(new SharedArrayBuffer(1), { fragmentSize: 5 });
    // @ts-expect-error A message cannot be a number.
    connection.send(5);
    // @ts-expect-error A message cannot be a plain object.
    connection.send({});
    // @ts-expect-error The message is missing.
    connection.send();
    expectTypeOf(connection.closed).toEqualTypeOf<Promise<CloseInfo>>();
    expectTypeOf(connection.state).toEqualTypeOf<'open' | 'closing' | 'closed'>();
  };
  expectTypeOf(check).toBeFunction();
});

test('connect infers the types of its data and of its handlers', () => {
  const check = async (): Promise<void> => {
    expectTypeOf(await connect('ws://localhost/')).toEqualTypeOf<Connection>();
    const typed = await connect('ws://localhost/', {
      data: { name: 'ada' },
      handlers: { open: (connection) => expectTypeOf(connection.data.name).toBeString() },
    });
    expectTypeOf(typed.data).toEqualTypeOf<{ name: string }>();
    for await (const message of typed) expectTypeOf(message).toEqualTypeOf<string | Buffer>();
    // @ts-expect-error A limit has to be a number.
    await connect('ws://localhost/', { maxMessageSize: '5' });
    // @ts-expect-error This option does not exist.
    await connect('ws://localhost/', { maxPayload: 5 });
  };
  expectTypeOf(check).toBeFunction();
});

test('the compiler accepts connections and servers with `await using` and `using`', () => {
  expectTypeOf<Connection>().toExtend<AsyncDisposable & Disposable & AsyncIterable<string | Buffer>>();
  expectTypeOf<WebSocketServer>().toExtend<AsyncDisposable>();
});

test('FAULT-8: if the code of shouldReconnect checks `cause.kind`, the compiler narrows the type of `cause`', () => {
  const options: ReconnectOptions = {
    shouldReconnect: (cause, retries) => {
      expectTypeOf(retries).toBeNumber();
      if (cause.kind === 'failed') {
        expectTypeOf(cause.error).toEqualTypeOf<Error>();
        // @ts-expect-error A failed attempt has no CloseInfo.
        void cause.info;
        return false;
      }
      expectTypeOf(cause.info).toEqualTypeOf<CloseInfo>();
      return true;
    },
    handlers: { ended: (cause) => expectTypeOf(cause).toEqualTypeOf<ReconnectCause>() },
  };
  expectTypeOf(options).toExtend<ReconnectOptions>();
});

test('connect and reconnect require the option `data` if its type does not include undefined', () => {
  const check = (): void => {
    expectTypeOf(connect('ws://a')).resolves.toEqualTypeOf<Connection>();
    expectTypeOf(connect('ws://a', {})).resolves.toEqualTypeOf<Connection>();
    expectTypeOf(connect<User>('ws://a', { data: { name: 'a' } })).resolves.toEqualTypeOf<Connection<User>>();
    // The type of `data` in the handlers is the type of the option `data`.
    expectTypeOf(
      connect('ws://a', {
        data: { name: 'a' },
        handlers: { open: (connection) => expectTypeOf(connection.data).toEqualTypeOf<{ name: string }>() },
      }),
    ).resolves.toEqualTypeOf<Connection<{ name: string }>>();
    // @ts-expect-error There are no options, so there is no data.
    void connect<User>('ws://a');
    // @ts-expect-error There is no data.
    void connect<User>('ws://a', {});
    // @ts-expect-error The data has another type.
    void connect<User>('ws://a', { data: { name: 5 } });
    void connect<User | undefined>('ws://a');
    void connect<User | undefined>('ws://a', { handlers: {} });

    reconnect('ws://a');
    reconnect<User>('ws://a', { connect: { data: { name: 'a' } } });
    reconnect<User>('ws://a', { connect: async () => ({ data: { name: 'a' } }) });
    // @ts-expect-error There are no options, so there is no data.
    reconnect<User>('ws://a');
    // @ts-expect-error There is no data.
    reconnect<User>('ws://a', { connect: {} });
    // @ts-expect-error The function returns no data.
    reconnect<User>('ws://a', { connect: () => ({ subprotocols: ['a'] }) });
    // @ts-expect-error There is no `connect`, so there is no data.
    reconnect<User>('ws://a', {});
  };
  expectTypeOf(check).toBeFunction();
});

test('the compiler accepts undefined for each option of a client', () => {
  const options: ConnectOptions & ReconnectOptions['connect'] = {
    handlers: undefined,
    data: undefined,
    unref: undefined,
    subprotocols: undefined,
    requireSubprotocol: undefined,
    headers: undefined,
    origin: undefined,
    handshakeTimeout: undefined,
    signal: undefined,
    tls: undefined,
    tcp: undefined,
    socketPath: undefined,
    socket: undefined,
    proxy: undefined,
    redirects: undefined,
    crossOriginHeaders: undefined,
  };
  const reconnecting: ReconnectOptions = {
    handlers: undefined,
    connect: undefined,
    backoff: undefined,
    shouldReconnect: undefined,
    retryFirst: undefined,
    maxQueued: undefined,
    unref: undefined,
    clock: undefined,
    random: undefined,
    dial: undefined,
  };
  const times: Backoff = {
    first: undefined,
    base: undefined,
    max: undefined,
    min: undefined,
    jitter: undefined,
  };
  // An option that is undefined counts as absent, so the constructor does not throw.
  expect(() => new Reconnection('ws://a', { ...reconnecting, backoff: times })).not.toThrow();
  expectTypeOf(options).toExtend<ConnectOptions>();
});

test("with text: 'bytes', the type of a client's text message is not narrowed to a string", () => {
  const check = (): void => {
    void connect('ws://a', {
      text: 'bytes',
      handlers: { message: (_connection, message) => expectTypeOf(message).toEqualTypeOf<string | Buffer>() },
    });
    void connect('ws://a', {
      handlers: {
        message: (_connection, message, isBinary) => {
          if (!isBinary) expectTypeOf(message).toBeString();
        },
      },
    });
    reconnect('ws://a', {
      connect: { text: 'bytes' },
      handlers: { message: (_connection, message) => expectTypeOf(message).toEqualTypeOf<string | Buffer>() },
    });
    reconnect('ws://a', {
      connect: () => ({ subprotocols: ['a'] }),
      handlers: {
        message: (_connection, message, isBinary) => {
          if (!isBinary) expectTypeOf(message).toBeString();
        },
      },
    });
  };
  expectTypeOf(check).toBeFunction();
});
