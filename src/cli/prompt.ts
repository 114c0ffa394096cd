/** Reads the input of `rfc6455 connect` from a terminal. Shows a prompt. Lines that start with a slash are commands. */

import { clearLine, createInterface, cursorTo, type Interface } from 'node:readline';
import type { Connection } from '../index.ts';
import { escapeText } from './escape.ts';
import type { Interrupt } from './interrupt.ts';
import type { LineSource } from './pipe.ts';
import type { Streams } from './streams.ts';
import type { Transcript } from './transcript.ts';

/** The part of the `--help` text that describes the input at a terminal. */
export const promptHelp = `  text                     sends the text as a message; an empty line sends nothing
  //text                   sends the text with one slash at its start
  /ping                    sends a ping, and shows the round-trip time
  /close [CODE [REASON]]   closes the connection (default 1000); Ctrl-D closes it too
`;

/** Reads lines until the connection or the terminal is closed. */
export class Prompt implements LineSource {
  readonly failed = false;
  readonly #connection: Connection;
  readonly #transcript: Transcript;
  readonly #lines: Interface;
  #isOpen = true;

  constructor(connection: Connection, transcript: Transcript, streams: Streams, interrupt: Interrupt) {
    this.#connection = connection;
    this.#transcript = transcript;
    const { stdin, stdout } = streams;
    const isTerminal = stdout.isTTY === true;
    this.#lines = createInterface({
      input: stdin,
      ...(isTerminal ? { output: stdout } : null),
      terminal: isTerminal,
      prompt: '> ',
    });
    this.#lines.on('line', (line) => this.#onLine(line));
    // In raw mode the terminal reports Ctrl-C as a key and sends no signal. readline turns this key into the event SIGINT.
    this.#lines.on('SIGINT', () => interrupt.raise('SIGINT'));
    // This error means that the terminal was closed.
    stdin.on('error', () => this.#lines.close());
    this.#lines.on('error', () => this.#lines.close());
    this.#lines.on('close', () => {
      this.#isOpen = false;
      connection.close(1000);
    });
    if (!isTerminal) return;
    transcript.typedLine = {
      hide: () => {
        if (!this.#isOpen) return;
        clearLine(stdout, 0);
        cursorTo(stdout, 0);
      },
      show: () => this.#show(),
    };
    this.#lines.prompt();
  }

  close(): void {
    this.#transcript.typedLine?.hide();
    this.#transcript.typedLine = null;
    this.#isOpen = false;
    this.#lines.close();
  }

  #show(): void {
    if (this.#isOpen && this.#connection.state === 'open') this.#lines.prompt(true);
  }

  #onLine(line: string): void {
    const [, command = '', rest = ''] = /^\/(\w*)\s*(.*)$/s.exec(line) ?? [];
    if (line.startsWith('//')) this.#connection.send(line.slice(1));
    else if (!line.startsWith('/')) {
      if (line !== '') this.#connection.send(line);
    } else if (command === 'ping') this.#transcript.sendPing(this.#connection);
    else if (command === 'close') this.#close(rest);
    else
      this.#transcript.note(`there is /ping and /close; //${escapeText(line.slice(1))} sends this as it is`);
    this.#show();
  }

  #close(args: string): void {
    const [, code = '', reason = ''] = /^(\S*)\s*(.*)$/s.exec(args) ?? [];
    try {
      // `close` throws if the code or the length of the reason is invalid (§7.4).
      this.#connection.close(code === '' ? 1000 : Number(code), reason);
    } catch (error) {
      this.#transcript.note(escapeText((error as Error).message));
    }
  }
}
