/**
 * Writes the output of `rfc6455 connect`: messages to stdout, and other events to stderr. Text from a peer is always escaped
 * (escape.ts).
 */

import { CloseCode, type Connection, type ConnectionHandlers, type ExtensionOffer } from '../index.ts';
import { describeBytes, escapeText } from './escape.ts';
import type { Streams } from './streams.ts';

/** The line that the user types. `hide` is called before other output is printed, and `show` afterwards. */
export interface TypedLine {
  hide(): void;
  show(): void;
}

/** Prints the events of a connection, and records when the last message arrived. */
export class Transcript implements ConnectionHandlers {
  /** Set when the connection is open. */
  connection: Connection | null = null;
  /** Set by the prompt. */
  typedLine: TypedLine | null = null;
  /** The value of `performance.now()` when the last message, or the last part of a message, arrived. */
  lastReceived: number = performance.now();
  /** If `send` has returned false, this function is called when all waiting bytes were sent. */
  onDrain: () => void = () => {};
  readonly #streams: Streams;
  /** The pings that the user has sent. The key is the payload. The value is the time when the ping was sent. */
  readonly #pings = new Map<string, number>();
  #pingCount = 0;
  #closedByPeer = false;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  /** Prints a line that is not a message. The caller has to escape text of the peer in this line. */
  note(line: string): void {
    this.#print(this.#streams.stderr, line);
  }

  /** Sends a ping. When its pong arrives, `pong` prints the round-trip time. */
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
    // An empty pong answers a ping of the heartbeat (option `heartbeat`). The user did not ask for this ping, so nothing is printed.
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

/** Returns an extension as text in the form of the header field: its name and its parameters. */
function describeExtension({ name, parameters }: ExtensionOffer): string {
  return [name, ...parameters.map(([key, value]) => (value === null ? key : `${key}=${value}`))].join('; ');
}

function withoutCredentials(url: string): string {
  return url.replace(/^(wss?:\/\/)[^/?#]*@/, '$1');
}
