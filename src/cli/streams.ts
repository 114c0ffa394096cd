/** Defines the three streams that commands use, so that a test can replace the terminal. */

import type { Readable, Writable } from 'node:stream';

/** Standard input, output and error; `isTTY` is true for a terminal. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** A subcommand. It receives the arguments after its name, and returns the exit code of the process. */
export type Command = (args: readonly string[], streams: Streams) => Promise<number>;
