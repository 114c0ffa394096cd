/** What the compiler lets users write, and what it does not: checked by the type check, which covers this file. */
import { expectTypeOf, test } from 'vitest';
import {
  type CloseInfo,
  type Connection,
  type ConnectionHandlers,
  connect,
  reject,
  type ServerHandlers,
  WebSocketServer,
} from '../../src/index.ts';

interface User {
  readonly name: string;
}

test('data is undefined unless somebody says otherwise', () => {
  new WebSocketServer({
    open: (connection) => expectTypeOf(connection.data).toEqualTypeOf<undefined>(),
  });
  expectTypeOf<Connection['data']>().toEqualTypeOf<undefined>();
});

test('data is what upgrade returns, in every handler and in connections', () => {
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

test('upgrade may be asynchronous, and its data is checked', () => {
  const handlers: ServerHandlers<User> = {
    upgrade: async () => ({ data: { name: 'ada' } }),
  };
  new WebSocketServer(handlers);
  new WebSocketServer<User>({
    // @ts-expect-error data of another type
    upgrade: () => ({ data: { name: 5 } }),
  });
  new WebSocketServer<User>({
    // @ts-expect-error false refuses nothing: reject() does
    upgrade: () => false,
  });
  new WebSocketServer<User>({
    // @ts-expect-error nor does null
    upgrade: () => null,
  });
});

test('handlers may return anything: an echo is one expression, and so is an async one', () => {
  const handlers: ConnectionHandlers = {
    message: (connection, message) => connection.send(message),
    open: async () => {},
    close: () => 5,
  };
  expectTypeOf(handlers).toExtend<ServerHandlers>();
  new WebSocketServer(handlers);
});

test('send takes strings, buffers and views, nothing else', () => {
  const check = (connection: Connection): void => {
    expectTypeOf(connection.send('text')).toBeBoolean();
    connection.send(Buffer.alloc(1));
    connection.send(new Float64Array(1));
    connection.send(new DataView(new ArrayBuffer(1)));
    connection.send(new ArrayBuffer(1));
    connection.send(new SharedArrayBuffer(1), { fragmentSize: 5 });
    // @ts-expect-error numbers are no message
    connection.send(5);
    // @ts-expect-error objects are none either
    connection.send({});
    // @ts-expect-error nor is nothing
    connection.send();
    expectTypeOf(connection.closed).toEqualTypeOf<Promise<CloseInfo>>();
    expectTypeOf(connection.state).toEqualTypeOf<'open' | 'closing' | 'closed'>();
  };
  expectTypeOf(check).toBeFunction();
});

test('connect types its data and its handlers', () => {
  const check = async (): Promise<void> => {
    expectTypeOf(await connect('ws://localhost/')).toEqualTypeOf<Connection>();
    const typed = await connect('ws://localhost/', {
      data: { name: 'ada' },
      handlers: { open: (connection) => expectTypeOf(connection.data.name).toBeString() },
    });
    expectTypeOf(typed.data).toEqualTypeOf<{ name: string }>();
    for await (const message of typed) expectTypeOf(message).toEqualTypeOf<string | Buffer>();
    // @ts-expect-error a limit is a number
    await connect('ws://localhost/', { maxMessageSize: '5' });
    // @ts-expect-error an option that there is not
    await connect('ws://localhost/', { maxPayload: 5 });
  };
  expectTypeOf(check).toBeFunction();
});

test('await using and using are typed', () => {
  expectTypeOf<Connection>().toExtend<AsyncDisposable & Disposable & AsyncIterable<string | Buffer>>();
  expectTypeOf<WebSocketServer>().toExtend<AsyncDisposable>();
});
