/** The types of rfc6455/4d, above all the type of `data` for each dataType. The compiler checks these types. */
import { expectTypeOf, test } from 'vitest';
import {
  type ConnectionHandler,
  type DataType,
  type MessageEvent,
  WebSocket,
  type WebSocketConnection,
  type WebSocketHandler,
  WebSocketServer,
  type WSSHandler,
} from '../../../src/4d.ts';

test('B-new-dataType: the type of `data` depends on the dataType', () => {
  expectTypeOf<MessageEvent['data']>().toEqualTypeOf<string>();
  expectTypeOf<MessageEvent<'blob'>['data']>().toEqualTypeOf<Buffer>();
  expectTypeOf<MessageEvent<'object'>['data']>().toEqualTypeOf<unknown>();
  expectTypeOf<MessageEvent<DataType>['data']>().toEqualTypeOf<unknown>();
});

// This function is never called. The compiler checks its body.
function inferred(): void {
  const server = WebSocketServer.new(
    {
      onConnection: () => ({
        onMessage(ws, { data }) {
          expectTypeOf(data).toEqualTypeOf<Buffer>();
          expectTypeOf(ws.wss.dataType).toEqualTypeOf<'blob'>();
        },
      }),
    },
    { dataType: 'blob' },
  );
  expectTypeOf(server).toEqualTypeOf<WebSocketServer<'blob'>>();
  expectTypeOf(server.connections).toEqualTypeOf<readonly WebSocketConnection<'blob'>[]>();
  const client = WebSocket.new('ws://localhost/', {
    dataType: 'object',
    onMessage(_ws, { data }) {
      expectTypeOf(data).toEqualTypeOf<unknown>();
    },
  });
  expectTypeOf(client.dataType).toEqualTypeOf<'object'>();
  // @ts-expect-error: The handler needs onConnection.
  new WebSocketServer({});
  // @ts-expect-error: The handler needs onMessage.
  new WebSocketServer({ onConnection: () => ({ onOpen() {} }) });
  // @ts-expect-error: The property is read-only.
  server.path = '/';
  // @ts-expect-error: The property is read-only.
  client.status = 'Closed';
}

class Handler implements ConnectionHandler<'blob'>, WebSocketHandler {
  onMessage(): void {}
}

class ServerHandler implements WSSHandler<'blob'> {
  async onConnection(): Promise<Handler | null> {
    return new Handler();
  }
}

test('B-wss-handler: the compiler accepts instances of classes as handlers', () => {
  expectTypeOf(inferred).toBeFunction();
  expectTypeOf<ServerHandler>().toExtend<WSSHandler<'blob'>>();
});
