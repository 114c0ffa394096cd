/**
 * Implements the command `rfc6455 4d`, which lists the parts of a 4D program that this package can translate. The command can also
 * translate the program to a module. The command changes no file of the program.
 */

import { writeFileSync } from 'node:fs';
import { failure, misuse, textOf } from './failure.ts';
import {
  checkProject,
  guessVersion,
  readProject,
  type SourceFile,
  translateProject,
} from './fourd/project.ts';
import { isComplete, type Report, toJson, toText } from './fourd/report.ts';
import { pluginEntries } from './fourd/table.ts';
import { parseOptions } from './options.ts';
import type { Command } from './streams.ts';

const help = `usage: rfc6455 4d <folder> [options]

Reads the methods and classes (*.4dm) of a 4D project. Lists each command and class that has an
equivalent in rfc6455/4d, rfc6455/plugin or rfc6455/plugin-v1. The list shows the place in the
project, the code to write instead, and warnings.

  --json         print the list as JSON
  --translate    print the program as one ECMAScript module; the list goes to stderr. Code without a
                 translation becomes a comment. The program throws if it reaches this comment
  --out FILE     with --translate: write the module to this file, and the list to stdout
  --plugin 1|2   the plugin version that the program uses, if the command cannot detect the version
  --help         show this help

Exit codes: 0 everything has a translation, 1 some code has no translation, 2 invalid arguments.
`;

function read(folder: string): SourceFile[] {
  let files: SourceFile[];
  try {
    files = readProject(folder);
  } catch (error) {
    throw misuse(`cannot read ${folder}: ${textOf(error)}`, error);
  }
  if (files.length === 0) throw misuse(`${folder} has no .4dm file`);
  return files;
}

function versionOf(files: readonly SourceFile[], given: string | undefined): 'plugin' | 'plugin-v1' {
  if (given === '1') return 'plugin-v1';
  if (given === '2') return 'plugin';
  if (given !== undefined) throw misuse(`--plugin is 1 or 2, not '${given}'`);
  const guessed = guessVersion(files);
  if (guessed !== null) return guessed;
  const usesPlugin = checkProject(files).some(({ findings }) =>
    findings.some(({ entry }) => pluginEntries.includes(entry)),
  );
  if (usesPlugin) throw misuse('which version of the plugin was it written for? --plugin 1 or --plugin 2');
  return 'plugin';
}

function write(file: string, code: string): void {
  try {
    writeFileSync(file, code);
  } catch (error) {
    throw failure(`cannot write ${file}: ${textOf(error)}`, error);
  }
}

export const fourd: Command = async (args, { stdout, stderr }) => {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      translate: { type: 'boolean', default: false },
      out: { type: 'string' },
      plugin: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    stdout.write(help);
    return 0;
  }
  const [folder, ...others] = positionals;
  if (folder === undefined) throw misuse('the folder is missing');
  if (others.length > 0) throw misuse(`one folder, not ${positionals.length}`);
  if (values.out !== undefined && !values.translate) throw misuse('--out belongs to --translate');
  const files = read(folder);
  const checked = checkProject(files);
  const translation = values.translate ? translateProject(files, versionOf(files, values.plugin)) : null;
  const untranslated = translation?.lines.filter(({ kind }) => kind === 'untranslated') ?? [];
  const report: Report = { files: checked, untranslated };
  const list = values.json ? toJson(report) : toText(report);
  if (translation === null) stdout.write(list);
  else if (values.out === undefined) {
    stdout.write(translation.code);
    stderr.write(list);
  } else {
    write(values.out, translation.code);
    stdout.write(list);
  }
  return isComplete(report) ? 0 : 1;
};
