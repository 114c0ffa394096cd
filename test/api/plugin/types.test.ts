/**
 * Tests the types that programs for the plugins use. The type check of the project includes this file, so a wrong type fails the check.
 */
import { expectTypeOf, test } from 'vitest';
import {
  methods,
  type WebsocketClose,
  type WebsocketEvent,
  WebsocketEventType,
  type WebsocketMessage,
  type WebsocketMethod,
  type WebsocketServerOptions,
  websocketClient,
  websocketServer,
  websocketSetMethod,
} from '../../../src/plugin.ts';
import * as v1 from '../../../src/plugin-v1.ts';

test('plugin A1.1-8: the parameters of the callback of version 2 have types, and the callback may declare the type of its event', () => {
  const accepted: WebsocketMethod[] = [
    (type, id, event) => {
      expectTypeOf(type).toEqualTypeOf<WebsocketEventType>();
      expectTypeOf(id).toEqualTypeOf<number>();
      expectTypeOf(event).toEqualTypeOf<WebsocketEvent | string>();
      return type === WebsocketEventType.Message && typeof event !== 'string' && event.uri;
    },
    (_type, _id, event: WebsocketMessage) => event.str,
    (_type: number, _id: number, event: WebsocketMessage | WebsocketClose) => 'code' in event && event.code,
    (_type, _id, event: string) => JSON.parse(event),
    async () => {},
  ];
  expectTypeOf(websocketSetMethod).toBeCallableWith(accepted[0]!, { messageAs: 'json' });
  expectTypeOf(websocketSetMethod).toBeCallableWith('CB');
  // @ts-expect-error The type of `id` has to be number.
  const refused: WebsocketMethod = (_type: number, _id: string) => {};
  expectTypeOf(refused).toBeFunction();
});

test('plugin A2.4-3, A2.4-4: the parameters of the callback of version 1 have types', () => {
  const accepted: v1.WebsocketMethod[] = [
    (_server, _client, type, _context, worker, window, process) => {
      expectTypeOf(type).toEqualTypeOf<v1.WebsocketEventType>();
      expectTypeOf([worker, window, process]).toEqualTypeOf<(string | number)[]>();
    },
    (_server, _client, type, context: v1.WebsocketDataContext) => type === 'message' && context.data,
    (_server, _client, _type, context: string) => JSON.parse(context),
  ];
  expectTypeOf(v1.websocketClient).toBeCallableWith({ url: 'ws://a/', method: accepted[0]! });
  expectTypeOf(v1.websocketClientStart).toBeCallableWith({ ref: 1, method: 'CB' });
});

test('plugin C44: the table `methods` accepts callbacks of both versions, because both versions share the table', () => {
  methods.set('two', (_type: number, _id: number, event: WebsocketMessage) => event.str);
  methods.set(
    'one',
    (_server: number, _client: number, _type: string, context: v1.WebsocketCloseContext) => context.code,
  );
  methods.delete('two');
  methods.delete('one');
  expectTypeOf(methods.get).returns.not.toBeAny();
});

test('plugin A1.2-10, C6: if the type of the options has no `id`, the type of the returned `id` is number; otherwise the returned type includes the information', () => {
  const check = (given: WebsocketServerOptions): void => {
    const o = { port: 0 };
    const { id } = websocketServer(o);
    expectTypeOf(id).toEqualTypeOf<number>();
    expectTypeOf(websocketClient({ URL: 'ws://a/' }).id).toEqualTypeOf<number>();
    const { id: maybe, clients } = websocketServer(given);
    expectTypeOf(maybe).toEqualTypeOf<number | undefined>();
    expectTypeOf(clients).toEqualTypeOf<string[] | undefined>();
    // The result can be assigned to a type with an optional `id`, even with the compiler option exactOptionalPropertyTypes.
    const kept: { id?: number } = websocketServer(given);
    void kept;
  };
  expectTypeOf(check).toBeFunction();
});

test('plugin A1.2-10: `Websocket client` accepts an object with options, and the type of its result has `id`', () => {
  expectTypeOf(websocketClient).toBeCallableWith({ URL: 'ws://a/', headers: { a: 'b' } });
  expectTypeOf(websocketClient).returns.toHaveProperty('id');
});
