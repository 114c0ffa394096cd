/** Tests that the plugins report everything that cannot work, and that a callback that never ends does not stop the program. */
import { afterEach, describe, expect, test } from 'vitest';
import { methods } from '../../../src/api/plugin/methods.ts';
import * as v2Commands from '../../../src/plugin.ts';
import * as v1Commands from '../../../src/plugin-v1.ts';
import { defer, warningsOf } from '../4d/harness.ts';
import { clearSurfaces, RawServer, turn, V1, V2 } from './support.ts';

afterEach(async () => {
  methods.clear();
  await clearSurfaces();
  await Promise.all([v1Commands.clearAll(), v2Commands.clearAll()]);
});

const never = new Promise<never>(() => {});

describe('a method name for which the program has registered no method', () => {
  test('plugin C52, C44: FAULT-10: in version 2, all events of an unknown method name are dropped, and one warning states the name', async () => {
    const v2 = new V2({}, false);
    v2.setMethod('CB');
    const warnings = await warningsOf(async () => {
      const { id, url } = await v2.startedServer();
      await v2.startedClient(url);
      v2.serverSend({ id, message: 'x' });
      await turn();
      await v2.events.idle();
    });
    expect(warnings).toEqual([
      'an event is dropped: no method "CB" was registered with methods.set("CB", …)',
    ]);
  });

  test('plugin C52, C44: FAULT-10: in version 1, each unknown method name causes one warning, and an empty name causes no warning', async () => {
    const v1 = new V1();
    const warnings = await warningsOf(async () => {
      const { url } = await v1.startedServer({ method: 'A' });
      await v1.startedClient(url, { method: 'B' });
      await v1.startedClient(url, { method: '' });
      await turn();
      await v1.events.idle();
    });
    expect(warnings.map((text) => /method "(.)"/.exec(text)?.[1]).sort()).toEqual(['A', 'B']);
  });
});

describe('values that the plugins can send', () => {
  const shapes = (): [string, ArrayBuffer | ArrayBufferView][] => {
    const bytes = Uint8Array.from([9, 1, 2, 9]);
    return [
      ['Uint8Array', bytes.subarray(1, 3)],
      ['DataView', new DataView(bytes.buffer, 1, 2)],
      ['ArrayBuffer', Uint8Array.from([1, 2]).buffer],
      ['Int8Array', new Int8Array(bytes.buffer, 1, 2)],
    ];
  };

  test.each(shapes())(
    'plugin C53, C36: FAULT-10: version 2 sends the bytes of an object of type %s',
    async (_name, message) => {
      const v2 = new V2();
      const { id, url } = await v2.startedServer();
      const client = await v2.startedClient(url);
      expect(v2.clientSend({ ...client, message })).toMatchObject({ success: true, payloadSize: 2 });
      const [event] = await v2.got(0, id);
      expect(event?.bytes).toEqual(Buffer.from([1, 2]));
      expect(v2.serverSend({ id, message }).statuses).toMatchObject([{ success: true, payloadSize: 2 }]);
    },
  );

  test('plugin C53, A2.3-5, A2.3-6: FAULT-10: version 1 sends a string as UTF-8, and sends bytes from any kind of buffer', async () => {
    const v1 = new V1();
    const { ref, url } = await v1.startedServer();
    const client = await v1.startedClient(url);
    expect(v1.clientSend(client, 'h€')).toEqual({
      success: true,
      compressionError: false,
      payloadSize: 4,
      wireSize: 4,
    });
    for (const [, bytes] of shapes()) {
      expect(v1.clientSend({ ...client, binary: true }, bytes)).toMatchObject({ payloadSize: 2 });
    }
    expect(v1.clientSend({ ...client, binary: true }, 'h€')).toMatchObject({ payloadSize: 4 });
    expect(v1.serverSend({ ref }, 'h€')).toMatchObject([{ success: true, payloadSize: 4, client: 1 }]);
    const heard = await v1.got('message', ref, 1, 6);
    expect(heard.map(([, , , { binary, data }]) => [binary, data])).toEqual([
      [false, 'h€'],
      ...Array.from({ length: 4 }, () => [true, '\u0001\u0002']),
      [true, 'h€'],
    ]);
  });

  test('plugin C53: in both versions, the result of sending a Blob is a Promise of the status', async () => {
    const heard: [side: number, text: string][] = [];
    const { promise: all, resolve } = defer();
    v2Commands.websocketSetMethod((type, id, event) => {
      if (type !== 0 || typeof event === 'string' || !('str' in event)) return;
      heard.push([Math.sign(id), event.str]);
      if (heard.length === 3) resolve();
    });
    const server = { port: 0 };
    const { id } = v2Commands.websocketServer(server);
    const { port } = await v2Commands.websocketServerStart(server);
    const client = { URL: `ws://127.0.0.1:${port}/` };
    v2Commands.websocketClient(client);
    await v2Commands.websocketClientStart(client);
    const sending = v2Commands.websocketClientSend({ ...client, message: new Blob(['later']) });
    expect(v2Commands.websocketClientSend({ ...client, message: 'first' })).toMatchObject({ success: true });
    expect(await sending).toMatchObject({ success: true, payloadSize: 5 });
    const { statuses } = await v2Commands.websocketServerSend({ id, message: new Blob(['back']) });
    expect(statuses).toMatchObject([{ success: true, payloadSize: 4 }]);
    await all;
    // The messages of one peer arrive in order. The messages of different peers have no common order.
    expect(heard.filter(([side]) => side === -1)).toEqual([
      [-1, 'first'],
      [-1, 'later'],
    ]);
    expect(heard).toContainEqual([1, 'back']);
    expect(await v1Commands.websocketClientSend({ ref: 1 }, new Blob(['x']))).toEqual({});
    expect(await v1Commands.websocketServerSend({ ref: -1 }, new Blob(['x']))).toEqual([]);
  });

  test('plugin C53: a Blob that cannot be read is not sent, and the status has success: false', async () => {
    const blob = new Blob(['x']);
    blob.arrayBuffer = () => Promise.reject(new Error('gone'));
    expect(await v2Commands.websocketClientSend({ id: 1, message: blob })).toEqual({ success: false });
    expect(await v1Commands.websocketClientSend({ ref: 1 }, blob)).toEqual({});
  });
});

describe('ports', () => {
  test('plugin C54: FAULT-10: the port of a server may be a decimal text, and null means the default port', async () => {
    const v2 = new V2();
    const { id } = v2.server({ port: '0' });
    expect(await v2.serverStart({ id })).toMatchObject({ success: true });
    expect(new V1().server({ port: '8099' })).toMatchObject({ port: 8099 });
    expect(new V1().server({ port: null })).toMatchObject({ port: 8080 });
  });

  test.each([
    ['x', "'x'"],
    ['', "''"],
    ['0x50', "'0x50'"],
    ['80.5', "'80.5'"],
    [' 80', 'a string'],
    ['65536', "'65536'"],
    [65_536, '65536'],
    [-1, '-1'],
    [80.5, '80.5'],
    [Number.NaN, 'NaN'],
    [true, 'true'],
    [{}, 'an object'],
  ])(
    'plugin C54: FAULT-10: in both versions, the start of a server with the port %j fails, and the status gives the reason',
    async (port, shown) => {
      const text = `port is ${shown}, not a number from 0 to 65535, or the text of one`;
      const v2 = new V2();
      const { id } = v2.server({ port });
      expect(await v2.serverStart({ id })).toEqual({ success: false, errorStr: text, errStr: text });
      const v1 = new V1();
      const { ref } = v1.server({ port });
      expect(await v1.serverStart({ ref })).toEqual({ success: false, message: text });
    },
  );

  test('plugin C54: FAULT-10: a server cannot start if its option `host` is not a text', async () => {
    const v2 = new V2();
    const { id } = v2.server({ port: 0, host: 5 });
    expect((await v2.serverStart({ id })).errorStr).toBe('host is 5, not a text');
  });

  test('plugin C54: FAULT-10: the start of a server fails if handshakeTimeoutSecs is 0, and errorStr names this option', async () => {
    const v2 = new V2();
    const { id } = v2.server({ port: 0, handshakeTimeoutSecs: 0 });
    expect((await v2.serverStart({ id })).errorStr).toBe('handshakeTimeoutSecs is 0, not a positive number');
  });
});

describe('options of the other version', () => {
  const ofVersion2 = 'belongs to version 2 (rfc6455/plugin)';
  const ofVersion1 = 'belongs to version 1 (rfc6455/plugin-v1)';

  test('plugin C55: FAULT-10: if the program passes `URL` to version 1 or `url` to version 2, `client start` fails, and errorStr has the right name', async () => {
    const v1 = new V1();
    const v2 = new V2();
    await warningsOf(async () => {
      const { ref } = v1.client({ URL: 'ws://a/' });
      expect((await v1.clientStart({ ref })).errorStr).toBe(
        `the option "URL" ${ofVersion2}: did you mean "url"?`,
      );
      const { id } = v2.client({ url: 'ws://a/' });
      expect((await v2.clientStart({ id })).errorStr).toBe(
        `the option "url" ${ofVersion1}: did you mean "URL"?`,
      );
      const raw = await RawServer.start();
      expect(await v2.clientStart({ id, URL: raw.url })).toMatchObject({ success: true });
    });
  });

  test('plugin C55, C5: FAULT-10: if a program passes `ref` to version 2 or `id` to version 1, start fails, and the error has the right name', async () => {
    const v1 = new V1();
    const v2 = new V2();
    await warningsOf(async () => {
      const text1 = `unknown id: the option "id" ${ofVersion2}: did you mean "ref"?`;
      expect(await v1.clientStart({ id: 1 })).toMatchObject({ errorStr: text1 });
      expect(await v1.serverStart({ id: -1 })).toMatchObject({ message: text1 });
      const text2 = `unknown id: the option "ref" ${ofVersion1}: did you mean "id"?`;
      expect(await v2.clientStart({ ref: 1 })).toMatchObject({ errorStr: text2 });
      expect(await v2.serverStart({ ref: -1 })).toMatchObject({ errorStr: text2 });
    });
  });

  test('plugin C55: FAULT-10: an option that exists only in the other version of the plugin, and has no effect here, causes one warning', async () => {
    const v1 = new V1();
    const v2 = new V2();
    const warnings = await warningsOf(() => {
      for (let count = 0; count < 2; count++) {
        v1.server({ tls: true });
        v1.client({ headers: {}, url: 'ws://a/' });
        v2.client({ URL: 'ws://a/', method: 'CB' });
        v2.server({ perMessageDeflate: {}, worker: 'a program may keep what it likes in its object' });
      }
    });
    expect(warnings).toEqual([
      `the option "tls" ${ofVersion2}, and has no effect here`,
      `the option "headers" ${ofVersion2}, and has no effect here`,
      `the option "method" ${ofVersion1}: did you mean websocketSetMethod?`,
      `the option "perMessageDeflate" ${ofVersion1}: did you mean "enablePerMessageDeflate"?`,
    ]);
  });
});

describe('headers and TLS', () => {
  test.each([
    ['text', "headers is 'text', not an object of texts"],
    [['X-A', '1'], 'headers is an array, not an object of texts'],
    [{ 'X-A': 7 }, 'headers: "X-A" is 7, not a text'],
    [{ 'X-A': { b: 1 } }, 'headers: "X-A" is an object, not a text'],
  ])('plugin C56, A1.2-3: FAULT-10: `client start` fails if headers is %j', async (headers, text) => {
    const v2 = new V2();
    const { id } = v2.client({ URL: 'ws://127.0.0.1:1/', headers });
    expect(await v2.clientStart({ id })).toMatchObject({ success: false, http_status: 0, errorStr: text });
    // After the program has corrected the headers, the same client can connect.
    const raw = await RawServer.start();
    expect(await v2.clientStart({ id, URL: raw.url, headers: { 'X-A': '1', 'X-B': null } })).toMatchObject({
      success: true,
    });
    expect((await raw.peer()).head).toMatch(/^X-A: 1\r$/m);
  });

  test('plugin A0.7-1, A0.7-2, A0.6-10: FAULT-10: if a server with TLS has no certificate, errorStr names certFile and keyFile', async () => {
    const v2 = new V2();
    const { id } = v2.server({ port: 0, tls: true });
    expect((await v2.serverStart({ id })).errorStr).toBe(
      'tls has no certificate: it needs certFile and keyFile',
    );
  });
});

describe('a callback whose Promise never settles', () => {
  test('plugin C57, C42: FAULT-11: if a callback does not end, a warning names the method, the event and the connection', async () => {
    const v2 = new V2({}, false);
    v2.events.warnAfter = 1;
    const { promise: began, resolve } = defer();
    methods.set('STUCK', () => {
      resolve();
      return never;
    });
    v2.setMethod('STUCK');
    const warnings = await warningsOf(async () => {
      const { id, url } = await v2.startedServer();
      await v2.startedClient(`${url}a?b`);
      await began;
      while (v2.events.waiting === 0) await turn();
      // The timer of the queue fires after 1 ms, so it fires before this timer of 20 ms.
      await new Promise((done) => setTimeout(done, 20));
      expect(id).toBe(-1);
    });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^the method "STUCK", called with type 1 \("open"\) of (?:1|-1, client 1 \(\/a\?b\)), has not ended: 1 events wait for it$/,
    );
  });

  test('plugin C57, C50: FAULT-11: in both versions, clearAll does not wait for a callback that never ends, and later events are delivered', async () => {
    const v1 = new V1();
    const { promise: began, resolve } = defer();
    const { url } = await v1.startedServer({
      method: () => {
        resolve();
        return never;
      },
    });
    await v1.startedClient(url);
    await began;
    await v1.clearAll();
    await v1.events.idle();
    const again = await v1.startedServer();
    await v1.startedClient(again.url);
    await v1.got('open', again.ref);

    const v2 = new V2({}, false);
    v2.setMethod(() => never);
    const stuck = await v2.startedServer();
    await v2.startedClient(stuck.url);
    await turn();
    await v2.clearAll();
    await v2.events.idle();
    v2.setMethod(v2.record);
    const { id, url: other } = await v2.startedServer();
    await v2.startedClient(other);
    await v2.got(1, id);
  });

  test('plugin C57: if the Promise of a callback rejects after clearAll, the rejection is still reported', async () => {
    const v2 = new V2({}, false);
    const errors: unknown[] = [];
    v2.events.onError = (error) => void errors.push(error);
    const { promise, reject } = defer();
    const { promise: began, resolve } = defer();
    v2.setMethod(() => {
      resolve();
      return promise;
    });
    const { url } = await v2.startedServer();
    await v2.startedClient(url);
    await began;
    await v2.clearAll();
    reject(new Error('late'));
    await turn();
    expect(errors).toEqual([new Error('late')]);
  });
});
