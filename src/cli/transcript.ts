/** Writes the output of `rfc6455 connect`: messages on stdout, other events on stderr. All text from a peer is escaped by escape.ts. */

import { CloseCode, type Connection, type ConnectionHandlers, type ExtensionOffer } from '../index.ts';
import { describeBytes, escapeText } from './escape.ts';
import type { Streams } from './streams.ts';

/** The line that is being typed, which output must not overwrite. */
export interface TypedLine {
  hide(): void;
  show(): void;
}

/** Prints the events of a connection, and remembers when a message came last. */
export class Transcript implements ConnectionHandlers {
  /** Set when the connection is open. */
  connection: Connection | null = null;
  /** Set by the prompt. */
  typedLine: TypedLine | null = null;
  /** The time at which a message, or a part of a message, came last, on the clock of `performance.now`. */
  lastReceived: number = performance.now();
  /** If `send` has returned false: called once no more bytes wait to be sent. */
  onDrain: () => void = () => {};
  readonly #streams: Streams;
  /** The payloads of our pings, and the times at which they were sent. */
  readonly #pings = new Map<string, number>();
  #pingCount = 0;
  #closedByPeer = false;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  /** Prints a line that is not a message. The caller escapes text from other sources. */
  note(line: string): void {
    this.#print(this.#streams.stderr, line);
  }

  /** Sends a ping whose pong will be shown with its time. */
  sendPing(connection: Connection): void {
    this.#pingCount++;
    const payload = `ping ${this.#pingCount}`;
    if (connection.ping(payload)) this.#pings.set(payload, performance.now());
  }

  open(connection: Connection): void {
    this.connection = connection;
    const { url, subprotocol, extensions } = connection;
    const agreed = [`connected to ${escapeText(withoutCredentials(url))}`];
    if (subprotocol !== '') agreed.push(`subprotocol ${escapeText(subprotocol)}`);
    for (const extension of extensions) agreed.push(`extension ${escapeText(describeExtension(extension))}`);
    this.note(agreed.join(', '));
  }

  message(_connection: Connection, message: string | Buffer): void {
    this.lastReceived = performance.now();
    const { stdout } = this.#streams;
    const text = typeof message === 'string' ? escapeText(message) : `binary, ${describeBytes(message)}`;
    this.#print(stdout, stdout.isTTY === true ? `< ${text}` : text);
  }

  fragment(): void {
    this.lastReceived = performance.now();
  }

  ping(_connection: Connection, payload: Buffer): void {
    this.note(`ping, ${describeBytes(payload)}`);
  }

  pong(_connection: Connection, payload: Buffer): void {
    // This pong answers a heartbeat, which is sent after 30 s of silence. It is not shown.
    if (payload.length === 0) return;
    const text = payload.toString('latin1');
    const sent = this.#pings.get(text);
    this.#pings.delete(text);
    if (sent === undefined) this.note(`pong, ${describeBytes(payload)}`);
    else this.note(`pong after ${(performance.now() - sent).toFixed(1)} ms`);
  }

  drain(): void {
    this.onDrain();
  }

  closing(_connection: Connection, byPeer: boolean): void {
    this.#closedByPeer = byPeer;
  }

  error(_connection: Connection, error: Error): void {
    this.note(`the connection failed: ${escapeText(error.message)}`);
  }

  close(_connection: Connection, code: number, reason: string): void {
    const who = this.#closedByPeer ? ' by the server' : '';
    const name = closeNames.get(code);
    const why = reason === '' ? '' : `: ${escapeText(reason)}`;
    this.note(`closed${who}: ${code}${name === undefined ? '' : ` (${name})`}${why}`);
  }

  #print(stream: Streams['stdout'], line: string): void {
    this.typedLine?.hide();
    stream.write(`${line}\n`);
    this.typedLine?.show();
  }
}

/** The names of the close codes, such as 'going away' for 1001. */
const closeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(CloseCode).map(([name, code]) => [
    code,
    name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).trim(),
  ]),
);

/** Shows an extension as the header field does: its name and its parameters. */
function describeExtension({ name, parameters }: ExtensionOffer): string {
  return [name, ...parameters.map(([key, value]) => (value === null ? key : `${key}=${value}`))].join('; ');
}

function withoutCredentials(url: string): string {
  return url.replace(/^(wss?:\/\/)[^/?#]*@/, '$1');
}
