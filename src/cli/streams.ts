/** Defines the three streams that a command receives as an argument. A test can pass its own streams in place of the terminal. */

import type { Readable, Writable } from 'node:stream';

/** Standard input, output and error. `isTTY` is true if the stream is a terminal. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
}

/** A subcommand. It receives the arguments after its name, and returns the exit code of the process. */
export type Command = (args: readonly string[], streams: Streams) => Promise<number>;
