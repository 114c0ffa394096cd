/**
 * A peer in another language, which runs in a separate process. The process receives its configuration as one JSON argument, and has one
 * connection. It reads commands from stdin and writes reports to stdout. Each command and each report is one line of JSON in ASCII.
 * Commands: {"do": "send" | "fragments" (with "size") | "ping" ("payload") | "close" ("code"?, "reason"?) | "abort" | "shutdown"}. A
 * message is {"text": …} or {"base64": …}.
 * Reports: {"event": "listening" ("port") | "open" ("subprotocol", "headers") | "message" | "pong" ("payload") | "closed" ("code",
 * "reason")}.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { type End, type Ending, Inbox, type Message, type PeerCompression, Pongs } from '../peers/end.ts';

/** The configuration of the process of a peer. `ca`, `cert` and `key` are paths of files for TLS. */
export interface RemoteConfig {
  readonly role: 'client' | 'server';
  readonly url?: string;
  readonly subprotocols: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly maxMessageSize?: number;
  /** Only the peer in Python supports this option. */
  readonly compression?: PeerCompression;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

type Event =
  | { event: 'listening'; port: number }
  | { event: 'open'; subprotocol: string; headers: Record<string, string> }
  | { event: 'message'; text?: string; base64?: string }
  | { event: 'pong'; payload: string }
  | { event: 'closed'; code: number; reason: string };

export class RemoteEnd implements End {
  subprotocol = '';
  /**
   * The header fields that the peer received, with names in lower case. A server receives the fields of the request. A client receives the
   * fields of the 101 response.
   */
  headers: Readonly<Record<string, string>> = {};
  /** The port on which the server listens. */
  readonly listening: Promise<number>;
  readonly opened: Promise<void>;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exit: Promise<unknown[]>;
  readonly #inbox = new Inbox();
  readonly #pongs = new Pongs();
  #hasEnded = false;

  constructor(command: readonly string[], config: RemoteConfig, env: NodeJS.ProcessEnv = {}) {
    const [program = '', ...args] = command;
    const child = spawn(program, [...args, JSON.stringify(config)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.#process = child;
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    // The event "closed" reports that a peer has ended, so this error can be ignored.
    child.stdin.on('error', () => {});
    this.#exit = once(child, 'close');

    const failed = this.#exit.then(([code, signal]) => {
      if (!this.#hasEnded) this.#end({ code: -1, reason: `${program} ended (${code ?? signal}): ${errors}` });
      throw new Error(`${program} ended (${code ?? signal}): ${errors}`);
    });
    let onListening: (port: number) => void = () => {};
    let onOpened: () => void = () => {};
    this.listening = Promise.race([failed, new Promise<number>((resolve) => (onListening = resolve))]);
    this.opened = Promise.race([failed, new Promise<void>((resolve) => (onOpened = resolve))]);
    // If no caller waits for this Promise, its rejection must not end the test process.
    this.listening.catch(() => {});
    this.opened.catch(() => {});

    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line) as Event;
      switch (event.event) {
        case 'listening':
          onListening(event.port);
          break;
        case 'open':
          this.subprotocol = event.subprotocol;
          this.headers = event.headers;
          onOpened();
          break;
        case 'message':
          this.#inbox.push(event.text ?? Buffer.from(event.base64!, 'base64'));
          break;
        case 'pong':
          this.#pongs.push(event.payload);
          break;
        case 'closed':
          this.#end({ code: event.code, reason: event.reason });
      }
    });
  }

  get closed(): Promise<Ending> {
    return this.#inbox.closed;
  }

  send(message: Message): void {
    this.#tell({ do: 'send', ...fieldsOf(message) });
  }

  sendFragments(message: Message, size: number): void {
    this.#tell({ do: 'fragments', size, ...fieldsOf(message) });
  }

  ping(payload: string): Promise<string> {
    return this.#pongs.expect(payload, () => this.#tell({ do: 'ping', payload }));
  }

  close(code?: number, reason?: string): void {
    this.#tell({ do: 'close', code, reason });
  }

  abort(): void {
    this.#tell({ do: 'abort' });
  }

  /** Ends a server in the same way as if its process had to stop. */
  shutdown(reason: string): void {
    this.#tell({ do: 'shutdown', reason });
  }

  next(): Promise<Message> {
    return this.#inbox.next();
  }

  async release(): Promise<void> {
    this.#process.stdin.end();
    this.#process.kill('SIGKILL');
    await this.#exit;
  }

  #tell(command: object): void {
    this.#process.stdin.write(`${JSON.stringify(command)}\n`);
  }

  #end(ending: Ending): void {
    this.#hasEnded = true;
    this.#inbox.end(ending);
  }
}

function fieldsOf(message: Message): object {
  return typeof message === 'string' ? { text: message } : { base64: message.toString('base64') };
}
