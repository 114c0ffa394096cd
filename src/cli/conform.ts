/** Implements `rfc6455 conform`: starts the judge, which is built into dist/conformance/ and shares no code with the library. */

import type { Command, Streams } from './streams.ts';

/** The module of the judge, which contains the subcommand. */
interface Judge {
  conform(args: readonly string[], streams: Pick<Streams, 'stdout' | 'stderr'>): Promise<number>;
}

/** The subcommand. */
export const conform: Command = async (args, streams) => {
  // The URL is computed, because a separate project compiles this module from conformance/cli.ts.
  const judge = (await import(new URL('../conformance/cli.js', import.meta.url).href)) as Judge;
  return judge.conform(args, streams);
};
