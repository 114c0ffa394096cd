/** Tests the callback of the plugin, version 2: how a program sets it, and how the plugin calls it. Also tests clearAll. */
import { spawn } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { methods } from '../../../src/api/plugin/methods.ts';
import * as commands from '../../../src/plugin.ts';
import { freePort } from '../../free-port.ts';
import { frame, Op } from '../../transport/wire.ts';
import { clearSurfaces, RawServer, turn, V2 } from './support.ts';

afterEach(async () => {
  methods.clear();
  await clearSurfaces();
});

describe('Websocket SET METHOD, Websocket Get method', () => {
  test('plugin A1.1-6, A1.1-1: `Get method` returns an empty text at first, and later the name or function that the program has set', () => {
    const v2 = new V2({}, false);
    expect(v2.getMethod()).toBe('');
    v2.setMethod('CB');
    expect(v2.getMethod()).toBe('CB');
    v2.setMethod(v2.record);
    expect(v2.getMethod()).toBe(v2.record);
    v2.setMethod(7 as never);
    expect(v2.getMethod()).toBe('');
  });

  test('plugin A1.1-3, C43: events wait until the program sets a method, and then the plugin passes the events to this method', async () => {
    const v2 = new V2({}, false);
    const { url } = await v2.startedServer();
    await v2.startedClient(url);
    await turn();
    expect(v2.heard).toEqual([]);
    expect(v2.events.waiting).toBe(2);
    v2.setMethod(v2.record);
    expect(v2.heard).toEqual([]);
    await v2.events.idle();
    expect(v2.heard.map(([type, id]) => [type, id])).toEqual([
      [1, -1],
      [1, 1],
    ]);
  });

  test('plugin A1.1-4, C44: while the method name is empty or unknown, events are dropped', async () => {
    for (const name of ['', 'unknown']) {
      const v2 = new V2({}, false);
      const { url } = await v2.startedServer();
      v2.setMethod(name);
      await v2.startedClient(url);
      await v2.events.idle();
      v2.setMethod(v2.record);
      await v2.events.idle();
      expect([v2.events.waiting, v2.heard]).toEqual([0, []]);
    }
  });

  test('plugin A1.1-5, C44: the plugin looks up the method by name for each event, and passes three arguments', async () => {
    const v2 = new V2({}, false);
    v2.setMethod('CB');
    const raw = await RawServer.start();
    const started = v2.startedClient(raw.url);
    methods.set('CB', () => expect.fail('replaced before the delivery'));
    const { id } = await started;
    methods.set('CB', v2.record as never);
    await v2.got(1, id);
    (await raw.peer()).write(frame(Op.Text, 'x', { mask: false }));
    await v2.got(0, id);
    expect(v2.heard[1]).toEqual([0, 1, { binary: false, str: 'x', wireSize: 1 }]);
  });

  test('plugin A1.1-8: the event types have their documented numbers', () => {
    expect(commands.WebsocketEventType).toEqual({
      Message: 0,
      Open: 1,
      Close: 2,
      Error: 3,
      Ping: 4,
      Pong: 5,
      Fragment: 6,
    });
  });

  test("plugin A1.1-9, A1.1-10, A1.1-11, A1.1-12, A1.1-13, C32: with { messageAs: 'json' } the callback gets the same compact text as in the original plugin, without our additions", async () => {
    const v2 = new V2({}, false);
    const heard: [number, number, string][] = [];
    v2.setMethod(((...parameters: [number, number, string]) => heard.push(parameters)) as never, {
      messageAs: 'json',
    });
    const { url, port } = await v2.startedServer();
    const client = await v2.startedClient(`${url}api?window=1`);
    v2.clientSend({ ...client, message: 'h€' });
    v2.clientSend({ ...client, message: Buffer.from([0xff]) });
    while (heard.length < 4) await turn();
    const { remotePort } = v2.server({ id: -1 }).connections![0]!;
    await v2.clientStop(client);
    while (heard.length < 6) await turn();
    const identity = `"remoteIp":"127.0.0.1","remotePort":${remotePort}`;
    const identityOfClose = `"remote":true,${identity}`;
    const texts = heard.filter(([, id]) => id === -1).map(([type, , text]) => [type, text]);
    expect(texts.slice(1)).toEqual([
      [0, `{"binary":false,${identity},"str":"h\\u20ac","uri":"/api?window=1","wireSize":4}`],
      [0, `{"binary":true,${identity},"str":"\\ufffd","uri":"/api?window=1","wireSize":1}`],
      [2, `{"code":1000,"reason":"Normal closure",${identityOfClose},"uri":"/api?window=1"}`],
    ]);
    expect(texts[0]![1]).toMatch(
      new RegExp(
        `^\\{"headers":\\{"Connection":"Upgrade","Host":"127\\.0\\.0\\.1:${port}",.*\\},${identity},"uri":`,
      ),
    );
    const ofClient = heard.filter(([, id]) => id === 1).map(([, , text]) => text);
    expect(ofClient[1]).toBe('{"code":1000,"reason":"Normal closure","remote":false}');
  });

  test("plugin A1.1-12, C32: with { messageAs: 'json' } the number wait_time of an Error event always has a fraction", async () => {
    const v2 = new V2({}, false);
    const heard: [number, string][] = [];
    v2.setMethod(((type: number, _id: number, text: string) => heard.push([type, text])) as never, {
      messageAs: 'json',
    });
    const raw = await RawServer.start(undefined, { port: await freePort() });
    const { id } = await v2.startedClient(raw.url, { enableAutomaticReconnection: true });
    await raw.close();
    while (!heard.some(([type]) => type === 3)) await turn();
    await v2.clientStop({ id });
    const reason = `Unable to connect to 127.0.0.1 on port ${raw.port}, error: Connect error: Connection refused`;
    expect(heard.find(([type]) => type === 3)![1]).toBe(
      `{"decompressionError":false,"http_status":0,"reason":"${reason}","retries":1,"wait_time":100.0}`,
    );
  });
});

describe('order of callbacks', () => {
  test('plugin A1.12-1, C42: callbacks run one after the other and never inside a command, and each callback waits for the Promise of the previous one', async () => {
    const v2 = new V2({}, false);
    const errors: unknown[] = [];
    v2.events.onError = (error) => errors.push(error);
    let running = 0;
    let inCommand = false;
    const heard: string[] = [];
    v2.setMethod((async (type: number, id: number, event: { str?: string }) => {
      expect(inCommand).toBe(false);
      expect(++running).toBe(1);
      heard.push(`${type} ${id} ${event.str ?? ''}`);
      await turn();
      running--;
      if (type === 0) throw new Error(String(event.str));
    }) as never);
    const raw = await RawServer.start();
    const clients = [await v2.startedClient(raw.url), await v2.startedClient(raw.url)];
    for (const index of [0, 1]) {
      const bytes = [0, 1, 2].map((number) => frame(Op.Text, String(number), { mask: false }));
      (await raw.peer(index)).write(Buffer.concat(bytes));
    }
    inCommand = true;
    for (const client of clients) v2.clientSend({ ...client, message: 'x' });
    inCommand = false;
    while (heard.length < 8) await turn();
    await v2.events.idle();
    for (const { id } of clients) {
      const own = heard.filter((one) => one.split(' ')[1] === String(id));
      expect(own).toEqual([`1 ${id} `, `0 ${id} 0`, `0 ${id} 1`, `0 ${id} 2`]);
    }
    expect(errors).toHaveLength(6);
  });

  test('plugin C45: a callback may call start, stop, send and clear, and may await their results', async () => {
    const v2 = new V2({}, false);
    const done: string[] = [];
    v2.setMethod((async (type: number, id: number) => {
      if (type !== 1 || id < 0) return;
      const server = v2.server({ id: -1 });
      v2.clientSend({ id, message: 'from the callback' });
      await v2.clientStop({ id });
      await v2.clientClear({ id });
      done.push(`cleared, ${server.clients!.length} were there`);
    }) as never);
    const { url } = await v2.startedServer();
    await v2.startedClient(url);
    while (done.length === 0) await turn();
    expect(done).toEqual(['cleared, 1 were there']);
  });

  test('plugin C43: before the program sets a method, at most 10,000 events wait; if more events occur, the oldest events are dropped, and the loss is reported', async () => {
    const v2 = new V2({}, false);
    let drops = 0;
    v2.events.onDrop = () => drops++;
    const raw = await RawServer.start();
    const { id } = await v2.startedClient(raw.url);
    const bytes = frame(Op.Text, '', { mask: false });
    (await raw.peer()).write(
      Buffer.concat([...Array.from({ length: 10_010 }, () => bytes), frame(Op.Text, 'end', { mask: false })]),
    );
    // The Open event and eleven messages are dropped.
    while (drops < 12) await turn();
    v2.setMethod(v2.record);
    await v2.until(() => v2.of(0, id).some(({ str }) => str === 'end'));
    expect([v2.heard.length, drops, v2.events.dropped]).toEqual([10_000, 12, 12]);
    expect(v2.of(1)).toEqual([]);
  });
});

describe('clearAll and the end of the process', () => {
  test('plugin A1.1-7, C50: clearAll removes the method, all clients and servers, and all events that wait', async () => {
    const v2 = new V2({}, false);
    const { url, port } = await v2.startedServer();
    await v2.startedClient(url);
    v2.setMethod(v2.record);
    await v2.clearAll();
    expect(v2.getMethod()).toBe('');
    expect([v2.server({ id: -1 }), v2.client({ id: 1 })]).toEqual([{}, {}]);
    await v2.events.idle();
    await turn();
    expect(v2.events.waiting).toBe(0);
    const { length } = v2.heard;
    await turn();
    expect(v2.heard).toHaveLength(length);
    expect([v2.server({ port }), v2.client({})]).toEqual([{ id: -1 }, { id: 1 }]);
    expect(await v2.serverStart({ id: -1 })).toMatchObject({ success: true });
  });

  test('plugin C50: with `unref` the process ends although clients and servers are open; without `unref` the process ends after clearAll', async () => {
    const port = await freePort();
    const script = (unref: boolean): string => `
      import * as v2 from ${JSON.stringify(new URL('../../../dist/plugin.js', import.meta.url).href)};
      v2.websocketSetMethod((type) => console.log(type));
      const server = { port: ${port}, unref: ${unref} };
      v2.websocketServer(server);
      await v2.websocketServerStart(server);
      const client = { URL: 'ws://127.0.0.1:${port}/', unref: ${unref} };
      v2.websocketClient(client);
      console.log((await v2.websocketClientStart(client)).success);
      ${unref ? '' : 'setTimeout(() => v2.clearAll(), 50);'}
    `;
    for (const unref of [true, false]) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script(unref)]);
      let output = '';
      child.stdout.on('data', (chunk) => {
        output += chunk;
      });
      const status = await new Promise((resolve) => child.on('close', resolve));
      expect([status, output]).toEqual([0, expect.stringContaining('true')]);
    }
  });
});

describe('rfc6455/plugin', () => {
  test('plugin A0-3, A0-5: the twelve commands of the module work over real sockets', async () => {
    const heard: string[] = [];
    commands.websocketSetMethod(((type: number, id: number, event: { str?: string }) =>
      heard.push(`${type} ${id} ${event.str ?? ''}`.trim())) as never);
    expect(commands.websocketGetMethod()).toBeTypeOf('function');
    const server = { port: 0 } as commands.WebsocketServerOptions;
    expect(commands.websocketServer(server)).toEqual({ id: -1 });
    const { port } = await commands.websocketServerStart(server);
    const client = { URL: `ws://127.0.0.1:${port}/` } as commands.WebsocketClientOptions;
    expect(commands.websocketClient(client)).toEqual({ id: 1 });
    expect(await commands.websocketClientStart(client)).toMatchObject({ success: true });
    expect(commands.websocketClientSend({ ...client, message: 'up' })).toMatchObject({ success: true });
    expect(commands.websocketServerSend({ id: server.id!, message: 'down' }).statuses).toHaveLength(1);
    while (heard.length < 4) await turn();
    expect(await commands.websocketClientStop({ id: 1 })).toMatchObject({ readyState: 'closed' });
    expect(await commands.websocketServerStop({ id: -1 })).toMatchObject({ clients: [] });
    expect(await commands.websocketClientClear({ id: 1 })).toEqual({ success: true });
    expect(await commands.websocketServerClear({ id: -1 })).toEqual({ success: true });
    await commands.events.idle();
    expect(heard.sort()).toEqual(['0 -1 up', '0 1 down', '1 -1', '1 1', '2 -1', '2 1']);
    expect(commands.methods).toBe(methods);
    await commands.clearAll();
  });
});
