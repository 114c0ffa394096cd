#!/usr/bin/env node
/** Implements the program `rfc6455`: runs the subcommand, prints a failure in one line, and sets the exit code. */

import { readFileSync } from 'node:fs';
import { CommandFailure, misuse } from './failure.ts';
import type { Command, Streams } from './streams.ts';

/** The subcommands. The code of a subcommand is loaded when the user calls the subcommand. */
const commands: ReadonlyMap<string, { readonly summary: string; load(): Promise<Command> }> = new Map([
  ['serve', { summary: 'run an echo or chat server', load: async () => (await import('./serve.ts')).serve }],
  [
    'connect',
    { summary: 'talk to a server, line by line', load: async () => (await import('./connect.ts')).connect },
  ],
  [
    'conform',
    {
      summary: 'test a server or a client for conformance',
      load: async () => (await import('./conform.ts')).conform,
    },
  ],
  [
    '4d',
    {
      summary: 'list the WebSocket code of a 4D program, or translate the program',
      load: async () => (await import('./fourd.ts')).fourd,
    },
  ],
]);

const help = `usage: rfc6455 <command> [options]

A WebSocket (RFC 6455) endpoint, client and server.

${[...commands].map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}\n`).join('')}
  --help     show this help; 'rfc6455 serve --help' shows the options of a command
  --version  show the version

Exit codes: 0 success, 1 failure, 2 invalid arguments.
`;

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}

async function run([name, ...args]: readonly string[], streams: Streams): Promise<number> {
  if (name === undefined) throw misuse('which command? serve, connect, conform or 4d; see rfc6455 --help');
  if (name === '--help' || name === '-h' || name === 'help') {
    streams.stdout.write(help);
    return 0;
  }
  if (name === '--version' || name === '-v') {
    streams.stdout.write(`${version()}\n`);
    return 0;
  }
  const command = commands.get(name);
  if (command === undefined) throw misuse(`there is no command '${name}'; see rfc6455 --help`);
  try {
    return await (await command.load())(args, streams);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode !== 2) throw error;
    throw misuse(`${error.message}; see rfc6455 ${name} --help`, error);
  }
}

async function main(streams: Streams): Promise<number> {
  try {
    return await run(process.argv.slice(2), streams);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    streams.stderr.write(`rfc6455: ${error.message}\n`);
    return error.exitCode;
  }
}

// If the program that reads our output has exited (`… | head`), this process exits as well.
process.stdout.on('error', () => process.exit(1));
process.stderr.on('error', () => {});

const exitCode = await main(process);
// The process exits explicitly, because an open pipe or a prompt would keep it alive.
process.stdout.write('', () => process.exit(exitCode));
