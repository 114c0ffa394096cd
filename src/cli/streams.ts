/** The three streams of a process that commands use, so that a test can replace the terminal. */

import type { Readable, Writable } from 'node:stream';

/** Standard input, output and error; `isTTY` is true for a terminal. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** A subcommand: takes the arguments after its name, returns the process's exit code. */
export type Command = (args: readonly string[], streams: Streams) => Promise<number>;
