/** Finds the commands and classes of table.ts in a 4D method or class. Each finding has its line, its translation and its warnings. */

import { endOfText, type SourceLine, toLines } from './lines.ts';
import { allEntries, classEntries, type Entry, pluginEntries, type WarningId } from './table.ts';

export interface Finding {
  readonly line: number;
  readonly entry: Entry;
  readonly warnings: readonly WarningId[];
}

const byName: ReadonlyMap<string, Entry> = new Map(
  allEntries.map((entry) => [entry.name.toLowerCase(), entry]),
);

// Longer names are tried first: `Websocket client start` begins with the name `Websocket client`.
const names = [...byName.keys()].sort((one, other) => other.length - one.length);
const anyName = new RegExp(
  names
    .map((name) => {
      const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(' ', '\\s+');
      return name.startsWith('.')
        ? `${pattern}(?=\\s*\\()`
        : `(?<![\\p{L}\\p{N}_.$])${pattern}(?![\\p{L}\\p{N}_])`;
    })
    .join('|'),
  'giu',
);

const endless = /^(?:while\s*\(\s*true\s*\)|repeat$)/i;
const callback = /^(?:local\s+)?function\s+on(?:connection|open|message|terminate|error)\b/i;

/** Returns the findings in a file, and whether the file uses WebSockets. A file without WebSockets has no findings. */
export function scanFile(source: string): {
  readonly findings: readonly Finding[];
  readonly isRelevant: boolean;
} {
  const lines = toLines(source);
  const findings = lines.flatMap((line) => scanLine(line));
  const isRelevant =
    findings.some(({ entry }) => classEntries.includes(entry) || pluginEntries.includes(entry)) ||
    lines.some(({ code }) => callback.test(code));
  return { findings: isRelevant ? findings : [], isRelevant };
}

function scanLine(line: SourceLine): Finding[] {
  const code = withoutTexts(line.code).replace(/\butf8 text with(?:out)? length\b/gi, '');
  const findings: Finding[] = [];
  for (const { 0: name, index } of code.matchAll(anyName)) {
    const entry = byName.get(name.toLowerCase().replace(/\s+/g, ' '));
    if (entry === undefined) continue;
    // With a `*` as second parameter, as in `Uppercase($text; *)`, 4D keeps accents, so no warning is needed.
    const keepsAccents = /;\s*\*\s*\)/.test(code);
    // A class that is only the type of a parameter or a variable needs no warning.
    const isType = name.startsWith('4') && !/^\s*\.\s*new\b/i.test(code.slice(index + name.length));
    findings.push({
      line: line.number,
      entry,
      warnings: (isType ? [] : entry.warnings).filter((warning) => warning !== 'accents' || !keepsAccents),
    });
  }
  if (endless.test(code)) {
    const entry: Entry = {
      name: line.code,
      surface: '',
      example: '',
      here: 'the same loop',
      warnings: ['endless'],
      translated: true,
    };
    findings.push({ line: line.number, entry, warnings: entry.warnings });
  }
  return findings;
}

/** Replaces each quoted text by an empty text, because a word in quotes is not a command. */
function withoutTexts(code: string): string {
  let bare = '';
  for (let at = 0; at < code.length; ) {
    if (code[at] !== '"') {
      bare += code[at++];
      continue;
    }
    at = endOfText(code, at);
    bare += '""';
  }
  return bare;
}
