/**
 * Reads the methods and classes of a 4D program from a folder, lists what they use, and translates them. Other files of the folder are
 * not read.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, sep } from 'node:path';
import { type NamedUnit, type Translation, translate } from './emitter.ts';
import { parseUnit } from './parser.ts';
import { type Finding, scanFile } from './scan.ts';
import type { PluginVersion } from './scope.ts';

export interface SourceFile {
  /** The path relative to the folder, with `/` as separator. */
  readonly path: string;
  readonly text: string;
}

/** Reads the `.4dm` files of a folder and its subfolders, sorted by path. @throws the error of the system */
export function readProject(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.toLowerCase().endsWith('.4dm'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({
      path: path.slice(folder.length).split(sep).filter(Boolean).join('/'),
      text: readFileSync(path, 'utf8'),
    }));
}

export interface CheckedFile {
  readonly path: string;
  readonly findings: readonly Finding[];
}

/** Finds all uses of the entries of table.ts in the files. Files without such a use are left out. */
export function checkProject(files: readonly SourceFile[]): CheckedFile[] {
  return files
    .map(({ path, text }) => ({ path, findings: scanFile(text).findings }))
    .filter(({ findings }) => findings.length > 0);
}

export function translateProject(files: readonly SourceFile[], version: PluginVersion): Translation {
  const units: NamedUnit[] = files.map(({ path, text }) => ({
    file: path,
    unit: parseUnit(basename(path).replace(/\.4dm$/i, ''), text, /(?:^|\/)classes\//i.test(path)),
  }));
  return translate(units, version);
}

/** Guesses for which version of the plugin a program was written. Returns null if both are equally likely. */
export function guessVersion(files: readonly SourceFile[]): PluginVersion | null {
  const count = (pattern: RegExp, flags: string): number =>
    files.reduce((sum, { text }) => sum + [...text.matchAll(new RegExp(pattern.source, flags))].length, 0);
  // Upper and lower case matter in property names, because version 2 has `URL`, and version 1 has `url`. They do not matter in command
  // names.
  const two =
    count(/"URL"|\.URL\b/, 'g') + count(/websocket (?:set|get) method/, 'gi') + count(/"id"|\.id\b/, 'g');
  const one =
    count(/"url"|\.url\b|"ref"|\.ref\b/, 'g') +
    count(/websocket (?:server clients|\w+ messages)|websocket \w+ send\s*\([^;]*;[^;)]*\)/, 'gi');
  if (one === two) return null;
  return one > two ? 'plugin-v1' : 'plugin';
}
