/**
 * Implements `rfc6455 conform`. It starts the judge, a program that tests other WebSocket implementations. The judge is built into
 * dist/conformance/ and shares no code with the library.
 */

import type { Command, Streams } from './streams.ts';

/** What this command uses of the module of the judge: the function that runs the subcommand. */
interface Judge {
  conform(args: readonly string[], streams: Pick<Streams, 'stdout' | 'stderr'>): Promise<number>;
}

/** The subcommand. */
export const conform: Command = async (args, streams) => {
  // The URL is computed, so that TypeScript does not look for the module: a separate project compiles it from conformance/cli.ts.
  const judge = (await import(new URL('../conformance/cli.js', import.meta.url).href)) as Judge;
  return judge.conform(args, streams);
};
