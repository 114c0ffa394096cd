/**
 * Implements `rfc6455 connect`, a WebSocket client on the command line. The client reads lines from a terminal (prompt.ts) or a pipe
 * (pipe.ts), and sends each line as a text message. transcript.ts prints received messages.
 */

import { type Connection, type ConnectOptions, connect as open } from '../index.ts';
import { connectFailure, misuse } from './failure.ts';
import { Interrupt } from './interrupt.ts';
import { parseOptions, readOptionFile, toHeaderField, toMilliseconds } from './options.ts';
import { sendLines } from './pipe.ts';
import { Prompt, promptHelp } from './prompt.ts';
import type { Command, Streams } from './streams.ts';
import { Transcript } from './transcript.ts';

const help = `usage: rfc6455 connect [options] <url>

Connects to a WebSocket server (ws: or wss:). Sends each input line as a text message, and prints
the messages that arrive.

  --header 'Name: value'  add a header field to the request; may be repeated
  --subprotocol NAME      offer a subprotocol; may be repeated
  --compression           offer permessage-deflate (RFC 7692); the first line of output shows the result
  --ca FILE               trust the certificates of this CA (PEM) instead of the default CAs
  --insecure              accept any certificate; an attacker in the network can then read and change the data
  --linger SECONDS        after the end of piped input, close the connection when the server has sent nothing
                          for this time; Infinity waits until the server closes it (default 1)
  --help                  show this help

Each message is one line on stdout. All other output goes to stderr. Control characters are escaped.
For a binary message, the line shows its size and its first bytes.

From a pipe, each line is a message. At a terminal:
${promptHelp}
The exit code is 0 if the connection was closed cleanly with 1000, and otherwise 1.
`;

export interface ConnectArguments {
  readonly url: string;
  readonly options: ConnectOptions;
  readonly insecure: boolean;
  /** A number of milliseconds. */
  readonly linger: number;
}

/**
 * Reads the arguments, and the files that they name.
 * @returns null if the user asked for help
 * @throws {CommandFailure}
 */
export function parseConnectArguments(args: readonly string[]): ConnectArguments | null {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      header: { type: 'string', multiple: true, default: [] },
      subprotocol: { type: 'string', multiple: true, default: [] },
      compression: { type: 'boolean', default: false },
      ca: { type: 'string' },
      insecure: { type: 'boolean', default: false },
      linger: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const [url, ...rest] = positionals;
  if (url === undefined) throw misuse('the URL is missing');
  if (rest.length > 0) throw misuse(`one URL is enough, but there is '${rest[0]}' too`);
  const { ca, insecure } = values;
  return {
    url,
    insecure,
    linger: toMilliseconds('linger', values.linger),
    options: {
      headers: values.header.flatMap(toHeaderField),
      subprotocols: values.subprotocol,
      compression: values.compression,
      tls: {
        ...(ca === undefined ? null : { ca: readOptionFile('ca', ca) }),
        ...(insecure ? { rejectUnauthorized: false } : null),
      },
    },
  };
}

export const connect: Command = async (args, streams) => {
  const parsed = parseConnectArguments(args);
  if (parsed === null) {
    streams.stdout.write(help);
    return 0;
  }
  if (parsed.insecure) {
    streams.stderr.write(
      'WARNING: --insecure: the certificate is NOT verified; anybody may be at the other end\n',
    );
  }
  const transcript = new Transcript(streams);
  const attempt = new AbortController();
  // §7.4.1: 1001 means that an endpoint is "going away". A browser sends 1001 when the user leaves the page.
  const interrupt = new Interrupt(() => {
    attempt.abort();
    transcript.connection?.close(1001);
  });
  try {
    const connection = await reach(parsed, transcript, attempt.signal);
    return connection === null ? 1 : await talk(connection, transcript, streams, parsed.linger, interrupt);
  } finally {
    interrupt.release();
  }
};

/** Connects to the server. @returns the connection, or null if a signal such as Ctrl-C aborted the attempt */
async function reach(
  { url, options }: ConnectArguments,
  handlers: Transcript,
  signal: AbortSignal,
): Promise<Connection | null> {
  try {
    return await open(url, { ...options, handlers, signal });
  } catch (error) {
    if (signal.aborted) return null;
    throw connectFailure(error);
  }
}

/** Sends the input of the terminal or pipe until the connection is closed. @returns the exit code of the command */
async function talk(
  connection: Connection,
  transcript: Transcript,
  streams: Streams,
  linger: number,
  interrupt: Interrupt,
): Promise<number> {
  const input =
    streams.stdin.isTTY === true
      ? new Prompt(connection, transcript, streams, interrupt)
      : sendLines(connection, transcript, streams.stdin, linger);
  const { code, wasClean } = await connection.closed;
  input.close();
  return code === 1000 && wasClean && !input.failed ? 0 : 1;
}
