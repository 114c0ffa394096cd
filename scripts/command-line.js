/** The command line of a script: its first comment is the text of `--help`, and a wrong argument is a sentence, not a stack. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** The first comment of the script that runs, without the stars. @returns {string} */
function help() {
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(process.argv[1] ?? '', 'utf8'))?.[1] ?? '';
  return comment.replaceAll(/^ ?\*? ?/gm, '').trim();
}

/**
 * `parseArgs`, with `--help`.
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

/** Ends the process, with status 2. @param {string} message @returns {never} */
export function refuseArguments(message) {
  console.error(`${message}\n\n${help()}`);
  process.exit(2);
}

/**
 * The number that an option has.
 * @param {Readonly<Record<string, unknown>>} values as `parseArgs` returns them
 * @param {string} name
 * @param {{ min?: number, whole?: boolean }} [range] whole numbers from 1 on, if it does not say otherwise
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
 * The items of a list that the command line may have: `--workloads a,b`.
 * @param {Readonly<Record<string, unknown>>} values as `parseArgs` returns them
 * @param {string} name
 * @param {readonly string[]} known the items that there are
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
