/**
 * Implements `rfc6455 serve`: an echo or chat server that runs until SIGINT or SIGTERM. With `--page`, the server also has a page on which
 * the user can try it.
 */

import type { AddressInfo } from 'node:net';
import { processMemoryBudget, WebSocketServer } from '../index.ts';
import { CommandFailure, listenFailure, misuse } from './failure.ts';
import { Interrupt } from './interrupt.ts';
import { chat, echo, type Mode } from './modes.ts';
import { parseOptions, readOptionFile, toPort, toSize } from './options.ts';
import { createPageServer, type PageServer, type TlsFiles } from './page-server.ts';
import type { Command } from './streams.ts';

const help = `usage: rfc6455 serve [options]

Runs a WebSocket server until SIGINT or SIGTERM. Then closes all connections with 1001.
When the server is ready, prints the line "listening on ws://127.0.0.1:9001/".

  --port PORT               the port to listen on; 0 chooses a free port (default 9001)
  --host HOST               the address to listen on (default 127.0.0.1)
  --mode echo|chat          echo: the server sends each message back (default)
                            chat: the server sends each message to all clients, including the sender
  --max-message-size BYTES  close the connection with 1009 if a message is larger (default 1048576)
  --compression             accept permessage-deflate (RFC 7692) if a client offers it
  --any-origin              accept pages of every origin, not only of this host and port
  --tls-cert FILE           use wss with this certificate (PEM, with its chain)
  --tls-key FILE            the private key of the certificate (PEM)
  --page                    serve a page at / to try the server; a second line shows the URL of the page
  --help                    show this help

With NODE_DEBUG=rfc6455, refused handshakes and protocol errors are logged to stderr.
A second Ctrl-C ends the process immediately, with exit code 130.
`;

/** The milliseconds that the closing handshakes may take when the command ends. */
const GRACE = 5_000;

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly mode: 'echo' | 'chat';
  /** A number of bytes. Undefined means the default of the library. */
  readonly maxMessageSize: number | undefined;
  readonly compression: boolean;
  readonly anyOrigin: boolean;
  readonly tls: TlsFiles | null;
  readonly page: boolean;
}

/**
 * Reads the arguments, and the files that they name.
 * @returns null if the user asked for help
 * @throws {CommandFailure}
 */
export function parseServeOptions(args: readonly string[]): ServeOptions | null {
  const { values } = parseOptions({
    args: [...args],
    options: {
      port: { type: 'string', default: '9001' },
      host: { type: 'string', default: '127.0.0.1' },
      mode: { type: 'string', default: 'echo' },
      'max-message-size': { type: 'string' },
      compression: { type: 'boolean', default: false },
      'any-origin': { type: 'boolean', default: false },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      page: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const { mode, host, compression, page } = values;
  if (mode !== 'echo' && mode !== 'chat') throw misuse(`--mode is echo or chat, not '${mode}'`);
  if (host === '') throw misuse('--host is empty');
  const port = toPort(values.port);
  const limit = values['max-message-size'];
  const maxMessageSize = limit === undefined ? undefined : toSize('max-message-size', limit);
  const tls = readTls(values['tls-cert'], values['tls-key']);
  return { host, port, mode, maxMessageSize, compression, anyOrigin: values['any-origin'], tls, page };
}

function readTls(cert: string | undefined, key: string | undefined): TlsFiles | null {
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined) throw misuse('--tls-cert and --tls-key need each other');
  return { cert: readOptionFile('tls-cert', cert), key: readOptionFile('tls-key', key) };
}

export const serve: Command = async (args, { stdout }) => {
  const options = parseServeOptions(args);
  if (options === null) {
    stdout.write(help);
    return 0;
  }
  const running = await start(options);
  const interrupted = new Promise<Interrupt>((resolve) => {
    const interrupt = new Interrupt(() => resolve(interrupt));
  });
  // All lines are written in one call, so that a program that waits for the first line also receives the second line.
  stdout.write(running.lines.map((line) => `${line}\n`).join(''));
  const interrupt = await interrupted;
  await running.stop();
  interrupt.release();
  return 0;
};

export interface RunningServer {
  /** The lines that the command prints: the server's address and, with `--page`, the page's URL. */
  readonly lines: readonly string[];
  /** Closes every connection with 1001. */
  stop(): Promise<void>;
}

/**
 * Starts the server that the options describe.
 * @throws {CommandFailure}
 */
export async function start(options: ServeOptions): Promise<RunningServer> {
  const { host, port, tls, maxMessageSize } = options;
  const secure = tls === null ? '' : 's';
  const mode: Mode = options.mode === 'echo' ? echo : chat(() => server);
  // The memory budget of the process must hold several messages of the largest size. With room for only one message, messages would wait
  // for each other.
  if (maxMessageSize !== undefined) {
    processMemoryBudget.limit = Math.max(processMemoryBudget.limit, 4 * maxMessageSize);
  }
  const server = new WebSocketServer(mode.handlers, {
    text: mode.text,
    compression: options.compression,
    origins: options.anyOrigin ? 'any' : 'same-origin',
    maxMessageSize,
  });
  let page: PageServer | null = null;
  let address: AddressInfo;
  try {
    if (options.page) {
      page = await createPageServer(tls);
      server.attach(page.http);
      address = await page.listen(port, host);
    } else {
      address = await server.listen({ port, host, ...(tls === null ? null : { tls }) });
    }
  } catch (error) {
    throw isTlsFailure(error)
      ? new CommandFailure(`the TLS certificate or key cannot be used: ${(error as Error).message}`, 1)
      : listenFailure(error, { host, port });
  }
  const where = `${inUrl(address)}:${address.port}/`;
  const lines = [`listening on ws${secure}://${where}`];
  if (page !== null) lines.push(`page on http${secure}://${where}`);
  return {
    lines,
    async stop() {
      page?.close();
      // `shutdown` also waits for opening handshakes, and a peer might delay its handshake. So the command waits only for a limited time.
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, GRACE + 500);
      });
      await Promise.race([server.shutdown({ code: 1001, grace: GRACE }), late]);
      clearTimeout(timer);
    },
  };
}

// Returns the address in the form for a URL, with brackets around an IPv6 address.
function inUrl({ address, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]` : address;
}

/**
 * Returns true if an error comes from TLS. Such an error has an `opensslErrorStack`, or a code that begins with `ERR_OSSL_` or `ERR_TLS_`.
 */
function isTlsFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return code.startsWith('ERR_OSSL_') || code.startsWith('ERR_TLS_') || 'opensslErrorStack' in error;
}
