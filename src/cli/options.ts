/**
 * Reads the options of the command line with `parseArgs` of node:util. A mistake of the user becomes a failure with one line and exit
 * code 2. A file that cannot be read is a failure with exit code 1.
 */

import { readFileSync } from 'node:fs';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { codeOf, failure, misuse, textOf } from './failure.ts';

type Parsed<Config extends ParseArgsConfig> = ReturnType<typeof parseArgs<Config>>;

/**
 * Calls `parseArgs`. An error of `parseArgs` becomes a failure with one short line.
 * @throws {CommandFailure}
 */
export function parseOptions<const Config extends ParseArgsConfig>(config: Config): Parsed<Config> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!codeOf(error).startsWith('ERR_PARSE_ARGS_')) throw error;
    // Node adds advice to its message, in further sentences and lines. Only the first sentence is shown.
    const [first = ''] = textOf(error).split(/\. |\n/);
    throw misuse(first.charAt(0).toLowerCase() + first.slice(1), error);
  }
}

/** Reads a port from 0 (any free port) to 65535. @throws {CommandFailure} if the text is not a valid port */
export function toPort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw misuse(`--port is a number from 0 to 65535, not '${text}'`);
  return port;
}

/** Reads a size in bytes, at least 1. @throws {CommandFailure} if the text is not a valid size */
export function toSize(name: string, text: string): number {
  const size = Number(text);
  if (!/^\d+$/.test(text) || size < 1 || !Number.isSafeInteger(size)) {
    throw misuse(`--${name} is a number of bytes, at least 1, not '${text}'`);
  }
  return size;
}

/**
 * Reads a number of seconds, 0 or more, or `Infinity`. @returns milliseconds. @throws {CommandFailure} if the text is not a valid number
 */
export function toMilliseconds(name: string, text: string): number {
  if (!/^(?:\d+(?:\.\d*)?|\.\d+|Infinity)$/.test(text)) {
    throw misuse(`--${name} is a number of seconds, or Infinity, not '${text}'`);
  }
  return Number(text) * 1000;
}

/**
 * Splits `Name: value` into a name and a value. The library checks later whether a request can contain this header field.
 * @throws {CommandFailure} for a text without a colon
 */
export function toHeaderField(text: string): readonly [string, string] {
  const colon = text.indexOf(':');
  if (colon < 1) throw misuse(`--header is 'Name: value', not '${text}'`);
  return [text.slice(0, colon), text.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')];
}

/** Reads the file that an option names. @throws {CommandFailure} if the file cannot be read */
export function readOptionFile(name: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw failure(`cannot read the file of --${name}, ${file}: ${textOf(error)}`, error);
  }
}
