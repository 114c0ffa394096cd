/**
 * Implements the command `rfc6455 conform`, which starts the judge. The judge is a program that tests other WebSocket implementations. The
 * judge is built into dist/conformance/ and shares no code with the library.
 */

import type { Command, Streams } from './streams.ts';

/** The part of the judge's module that this command uses. */
interface Judge {
  conform(args: readonly string[], streams: Pick<Streams, 'stdout' | 'stderr'>): Promise<number>;
}

export const conform: Command = async (args, streams) => {
  // The URL is computed, so that TypeScript does not look for the module. A separate TypeScript project compiles the module from
  // conformance/cli.ts.
  const judge = (await import(new URL('../conformance/cli.js', import.meta.url).href)) as Judge;
  return judge.conform(args, streams);
};
