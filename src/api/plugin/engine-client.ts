/**
 * Implements a client that behaves like a client of IXWebSocket, the WebSocket library inside the original plugins. The pings and the error
 * texts are the same as in IXWebSocket. The client has one connection at a time, and reconnects automatically. reconnect.ts makes the
 * connections, and decides when to try again. v1.ts and v2.ts have the commands.
 */

import { checkClose } from '../../transport/argument-checks.ts';
import type { ConnectOptions } from '../connect-options.ts';
import type { PingOptions } from '../options.ts';
import { Reconnection } from '../reconnect.ts';
import type { AttemptOptions, ReconnectOptions } from '../reconnect-options.ts';
import { takeSubprotocols } from '../subprotocol-header.ts';
import {
  type ConnectionData,
  closeInvalid,
  Ending,
  type EngineEvent,
  engineHandlers,
  type SendStatus,
  sendMessage,
} from './engine-events.ts';
import { closeReason, connectErrorText, type EngineVersion, NORMAL_CLOSURE } from './engine-texts.ts';
import { EventFlow } from './event-flow.ts';
import { toHeaderObject } from './header-object.ts';
import { clientMaterial, type TlsSettings } from './tls.ts';

/** The options of a client. The commands may change these options at any time. Each attempt to connect uses the current values. */
export interface ClientSettings {
  /** The version of IXWebSocket. The client uses the error texts of this version. */
  readonly engine: EngineVersion;
  /** The error text if the program passed the URL with the option name of the other plugin version. Otherwise ''. */
  urlProblem: string;
  /** The error text if the headers of a new client are invalid. Otherwise ''. */
  headersProblem: string;
  url: string;
  /** The header fields as a flat list: name, value, name, value … */
  headers: readonly string[];
  /** Null if no pings are sent. */
  pings: PingOptions | null;
  reconnects: boolean;
  /** A number of milliseconds. */
  maxWait: number;
  minWait: number;
  compression: ConnectOptions['compression'];
  tls: TlsSettings | null;
  redirects: number;
  /** A number of milliseconds. */
  closeTimeout: number;
  /** A number of bytes. Null means the default of a client. */
  maxMessageSize: number | null;
  unref: boolean;
}

/** The result of the opening handshake. */
export interface StartStatus {
  success: boolean;
  /** The HTTP status of the answer: 101 or the status of a refusal; 0 without an answer. */
  http_status: number;
  /** The error text; '' without an error. */
  errorStr: string;
  /** The path and query; '' if there was no answer. */
  uri: string;
  headers: Record<string, string>;
}

export type ReadyState = 'connecting' | 'open' | 'closing' | 'closed';

export type ClientBase = Pick<ReconnectOptions<ClientData>, 'clock' | 'random' | 'dial'>;

export type ClientData = ConnectionData;

// The time limit in seconds for an attempt to connect after a lost connection. IXWebSocket has the same limit. No command waits for this
// attempt.
const RETRY_TIMEOUT = 60;

/** Compresses every message synchronously, so that a status can contain the compressed size. */
export const ENGINE_COMPRESSION = { threshold: 0, synchronous: true } as const;

export class EngineClient {
  readonly settings: ClientSettings;
  readonly #reconnection: Reconnection<ClientData>;
  #isStarting = false;
  /** Seconds. `#timeout` limits the attempt of `start`. `#retryTimeout` limits each later attempt. */
  #timeout = RETRY_TIMEOUT;
  #retryTimeout = RETRY_TIMEOUT;

  /**
   * @param emit called inside a handler of the socket, with each event and the EventFlow of the connection. So `emit` has to put the event
   *   into a queue
   */
  constructor(
    settings: ClientSettings,
    emit: (event: EngineEvent, flow: EventFlow | null) => void,
    base: ClientBase = {},
  ) {
    this.settings = settings;
    this.#reconnection = new Reconnection<ClientData>(() => this.settings.url, {
      ...base,
      handlers: {
        ...engineHandlers<ClientData>(({ data }, event) => emit(event, data.flow)),
        open: (connection) => {
          const flow = new EventFlow(connection);
          connection.data.flow = flow;
          const { url, headers } = connection;
          emit({ type: 'open', uri: uriOf(url), headers: toHeaderObject(headers) }, flow);
        },
        failed: (error, retries, wait) => {
          const { errorStr, http_status } = failure(error, this.settings);
          const reason = errorStr;
          const event = { retries, wait_time: wait, http_status, reason, decompressionError: false };
          emit({ type: 'error', ...event }, null);
        },
      },
      retryFirst: false,
      connect: () => this.#attempt(),
      shouldReconnect: () => this.settings.reconnects,
      // The first attempt is immediate. The next waits are 100 · 2^n ms, up to the maximum. So there is no busy loop.
      backoff: () => ({
        first: 0,
        base: 100,
        max: Math.max(0, this.settings.maxWait),
        min: Math.max(1, this.settings.minWait),
        jitter: 0,
      }),
      unref: settings.unref,
    });
  }

  get readyState(): ReadyState {
    const { connection } = this.#reconnection;
    if (connection !== null) return connection.state;
    return this.#isStarting ? 'connecting' : 'closed';
  }

  get bufferedAmount(): number {
    return this.#reconnection.connection?.bufferedAmount ?? 0;
  }

  /**
   * Connects. A failed attempt is not tried again, and causes no event.
   * @param timeout seconds that each attempt may take. Null means `fallback` seconds for this attempt, and 60 seconds for each attempt
   *   after a lost connection
   */
  async start(timeout: number | null, fallback: number): Promise<StartStatus> {
    // A client that waits for its next attempt is active, although its state is 'closed'. So `isActive` is checked too.
    if (this.#isStarting || this.#reconnection.isActive) return failedStart('already started');
    const { url, urlProblem, headersProblem } = this.settings;
    if (url === '' && urlProblem !== '') return failedStart(urlProblem);
    if (headersProblem !== '') return failedStart(headersProblem);
    this.#timeout = timeout ?? fallback;
    this.#retryTimeout = timeout ?? RETRY_TIMEOUT;
    this.#isStarting = true;
    try {
      const connection = await this.#reconnection.start();
      const headers = toHeaderObject(connection.headers);
      return { success: true, http_status: 101, errorStr: '', uri: uriOf(connection.url), headers };
    } catch (thrown) {
      return failure(thrown, this.settings);
    } finally {
      this.#isStarting = false;
    }
  }

  /**
   * Closes the connection, aborts the current attempt, or cancels the wait for the next attempt. When the Promise has resolved, the client
   * emits no more events.
   * @returns '', or the error text for an invalid close code. With an invalid code, the client closes with 1000
   */
  async stop(code = 1000, reason: string = NORMAL_CLOSURE): Promise<string> {
    const isValid = isCloseCode(code);
    const requested = { code: isValid ? code : 1000, reason: cutReason(reason) };
    const { connection } = this.#reconnection;
    if (connection?.state === 'open') connection.data.ending.requested = requested;
    await this.#reconnection.stop(requested.code, requested.reason);
    return isValid ? '' : 'invalid close code';
  }

  send(message: string | Uint8Array): SendStatus {
    return sendMessage(this.#reconnection.connection, message);
  }

  closeInvalid(): void {
    closeInvalid(this.#reconnection.connection);
  }

  async #attempt(): Promise<AttemptOptions<ClientData>> {
    const { settings } = this;
    const timeout = this.#isStarting ? this.#timeout : this.#retryTimeout;
    const { headers, subprotocols } = takeSubprotocols(settings.headers);
    const hasAgent = headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'user-agent');
    return {
      data: { ending: new Ending(), flow: null },
      headers: hasAgent ? headers : ['User-Agent', 'rfc6455', ...headers],
      subprotocols,
      handshakeTimeout: timeout * 1_000,
      redirects: settings.redirects,
      closeTimeout: settings.closeTimeout,
      closeReason,
      // The heartbeat of this library is off, because IXWebSocket sends only the pings that `pings` describes.
      heartbeat: { interval: Number.POSITIVE_INFINITY },
      ...(settings.pings === null ? null : { pings: settings.pings }),
      ...(settings.maxMessageSize === null ? null : { maxMessageSize: settings.maxMessageSize }),
      ...(settings.compression === undefined ? null : { compression: settings.compression }),
      ...(settings.tls === null ? null : { tls: await clientMaterial(settings.tls) }),
    };
  }
}

/** Returns true if a close code may be sent (§7.4). */
function isCloseCode(code: number): boolean {
  try {
    checkClose(code, '');
    return true;
  } catch {
    return false;
  }
}

/**
 * Shortens a reason to at most 123 bytes of UTF-8 (§5.5.1), so that it fits into a Close frame. No character is split. A lone surrogate
 * becomes U+FFFD, as on the wire.
 */
export function cutReason(reason: string): string {
  let bytes = 0;
  let cut = '';
  for (const character of Buffer.from(reason).toString()) {
    bytes += Buffer.byteLength(character);
    if (bytes > 123) break;
    cut += character;
  }
  return cut;
}

export function failedStart(errorStr: string): StartStatus {
  return { success: false, http_status: 0, errorStr, uri: '', headers: Object.create(null) };
}

function failure(thrown: unknown, { url, engine }: ClientSettings): StartStatus {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error.name === 'AbortError') return failedStart('Cancelled');
  const status = failedStart(connectErrorText(error, url, engine));
  const { status: http_status = 0, headers = [] } = error as { status?: number; headers?: readonly string[] };
  if (http_status === 0) return status;
  return { ...status, http_status, uri: uriOf(url), headers: toHeaderObject(headers) };
}

function uriOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
