/**
 * Defines an exchange of messages, and makes a client or server of a plugin usable as one end of this exchange. The other end is another
 * plugin, the package `ws`, or the package websockets of Python.
 */
import { expect } from 'vitest';
import { type End, type Ending, Inbox, type Message } from '../../peers/end.ts';
import { bytesOf, expectSame, sizes, textOf } from '../../peers/exchanges.ts';
import { V1, type V1Heard, V2 } from './support.ts';

export type Version = 'v1' | 'v2';

/** The functions that a test calls after a client or server of a plugin has a connection. */
interface Line {
  send(message: Message): unknown;
  stop(code: number, reason: string): Promise<unknown>;
}

export class PluginEnd implements End {
  readonly subprotocol = '';
  readonly inbox = new Inbox();
  readonly types: (string | number)[] = [];
  readonly #line: Line;
  #onOpen: () => void = () => {};
  readonly opened: Promise<void> = new Promise((resolve) => {
    this.#onOpen = resolve;
  });

  constructor(line: Line) {
    this.#line = line;
  }

  get closed(): Promise<Ending> {
    return this.inbox.closed;
  }

  next(): Promise<Message> {
    return this.inbox.next();
  }

  send(message: Message): void {
    expect(this.#line.send(message)).toMatchObject({
      success: true,
      compressionError: false,
      payloadSize: Buffer.byteLength(message),
    });
  }

  close(code = 1000, reason = 'Normal closure'): void {
    void this.#line.stop(code, reason);
  }

  /** The callback of the plugin calls this method for each event. */
  hear(type: string | number, event: Record<string, unknown>): void {
    this.types.push(type);
    switch (type) {
      case 1:
      case 'open':
        this.#onOpen();
        break;
      case 0:
      case 'message':
        this.inbox.push((event.bytes ?? event.str ?? event.data) as Message);
        break;
      case 2:
      case 'close':
        this.inbox.end({ code: event.code as number, reason: event.reason as string });
    }
  }
}

const options = { enableAutomaticReconnection: false };

/** Creates a client of this plugin version, and waits until it is connected. */
export async function connectPlugin(version: Version, url: string, deflate = false): Promise<PluginEnd> {
  if (version === 'v2') {
    const v2 = new V2({}, false);
    const { id } = v2.client({ URL: url, enablePerMessageDeflate: deflate, ...options });
    const end = new PluginEnd({
      send: (message) => v2.clientSend({ id, message }),
      stop: (code, reason) => v2.clientStop({ id, code, reason }),
    });
    v2.setMethod(((type: number, _id: number, event: Record<string, unknown>) =>
      end.hear(type, event)) as never);
    expect(await v2.clientStart({ id })).toMatchObject({ success: true });
    return end;
  }
  const v1 = new V1();
  const method = (...[, , type, context]: V1Heard): void => end.hear(type, context);
  const { ref } = v1.client({ url, method, perMessageDeflate: { enabled: deflate }, ...options });
  const end = new PluginEnd({
    send: (message) =>
      v1.clientSend({ ref, binary: typeof message !== 'string' }, Buffer.from(message as string)),
    stop: () => v1.clientStop({ ref }),
  });
  expect(await v1.clientStart({ ref })).toMatchObject({ success: true });
  return end;
}

/** Starts a server of this plugin version for one connection. */
export async function startPlugin(version: Version): Promise<{ url: string; end: PluginEnd }> {
  if (version === 'v2') {
    const v2 = new V2({}, false);
    const { id, url } = await v2.startedServer();
    const end = new PluginEnd({
      send: (message) => v2.serverSend({ id, message }).statuses[0],
      stop: () => v2.serverStop({ id }),
    });
    v2.setMethod(((type: number, _id: number, event: Record<string, unknown>) =>
      end.hear(type, event)) as never);
    return { url, end };
  }
  const v1 = new V1();
  const method = (...[, , type, context]: V1Heard): void => end.hear(type, context);
  const { ref, url } = await v1.startedServer({ method });
  const end = new PluginEnd({
    send: (message) =>
      v1.serverSend({ ref, binary: typeof message !== 'string' }, Buffer.from(message as string))[0],
    stop: () => v1.serverStop({ ref }),
  });
  return { url, end };
}

/** Sends text and binary messages of every size in both directions. Then `by` closes the connection. */
export async function converse(ours: PluginEnd, peer: End, by: 'ours' | 'peer'): Promise<void> {
  await ours.opened;
  for (const size of sizes) {
    for (const message of [textOf(size), bytesOf(size)]) {
      ours.send(message);
      expectSame(await peer.next(), message);
      peer.send(message);
      expectSame(await ours.next(), message);
    }
  }
  if (by === 'ours') ours.close();
  else peer.close(1000, 'done');
  const reason = by === 'ours' ? 'Normal closure' : 'done';
  expect(await ours.closed).toEqual({ code: 1000, reason });
  expect(await peer.closed).toMatchObject({ code: 1000, reason });
  expect(ours.types.filter((type) => type === 1 || type === 'open')).toHaveLength(1);
}
