/**
 * Reads the command line of a script. `--help` prints the first comment of the script. For an invalid argument, prints a sentence instead
 * of a stack trace.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** Returns the first comment of the running script, without `*` at the line starts. @returns {string} */
function help() {
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(process.argv[1] ?? '', 'utf8'))?.[1] ?? '';
  return comment.replaceAll(/^ ?\*? ?/gm, '').trim();
}

/**
 * Calls `parseArgs` with the additional option `--help`.
 * @template {import('node:util').ParseArgsConfig} Config
 * @param {Config} config
 * @returns {ReturnType<typeof parseArgs<Config>>}
 */
export function readArguments(config) {
  try {
    const parsed = /** @type {any} */ (
      parseArgs({ ...config, options: { ...config.options, help: { type: 'boolean', short: 'h' } } })
    );
    if (parsed.values.help !== true) return parsed;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    refuseArguments(error.message);
  }
  console.log(help());
  process.exit();
}

/** Prints the message and the help, and ends the process with status 2. @param {string} message @returns {never} */
export function refuseArguments(message) {
  console.error(`${message}\n\n${help()}`);
  process.exit(2);
}

/**
 * Returns the value of an option as a number.
 * @param {Readonly<Record<string, unknown>>} values the result of `parseArgs`
 * @param {string} name
 * @param {{ min?: number, whole?: boolean }} [range] the allowed numbers @default whole numbers from 1 on
 * @returns {number}
 */
export function readNumber(values, name, { min = 1, whole = true } = {}) {
  const number = Number(values[name]);
  if (
    values[name] !== '' &&
    number >= min &&
    (whole ? Number.isSafeInteger(number) : Number.isFinite(number))
  ) {
    return number;
  }
  return refuseArguments(
    `--${name} takes a ${whole ? 'whole ' : ''}number from ${min} on, not "${values[name]}"`,
  );
}

/**
 * Returns the value of an option as a list, such as `--workloads a,b`.
 * @param {Readonly<Record<string, unknown>>} values the result of `parseArgs`
 * @param {string} name
 * @param {readonly string[]} known the allowed items
 * @returns {string[]}
 */
export function readList(values, name, known) {
  const items = String(values[name])
    .split(',')
    .filter((item) => item !== '');
  const unknown = items.find((item) => !known.includes(item));
  if (unknown === undefined) return items;
  return refuseArguments(`--${name}: there is no "${unknown}"; there are ${known.join(', ')}`);
}
