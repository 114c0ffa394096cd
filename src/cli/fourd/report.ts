/** Writes the report that `rfc6455 4d` prints about a folder: text for people, or JSON for programs. */

import { escapeText } from '../escape.ts';
import type { LineFate } from './emit-statements.ts';
import type { CheckedFile } from './project.ts';
import { type WarningId, warnings } from './table.ts';

export interface Report {
  readonly files: readonly CheckedFile[];
  /** The lines without a translation, which `--translate` wrote as comments. */
  readonly untranslated: readonly LineFate[];
}

/** Returns true if the whole program has a translation. The exit code depends on this result. */
export function isComplete({ files, untranslated }: Report): boolean {
  return (
    untranslated.length === 0 &&
    files.every(({ findings }) => findings.every(({ entry }) => entry.translated))
  );
}

export function toText(report: Report): string {
  const out: string[] = [];
  const seen = new Map<WarningId, string[]>();
  for (const { path, findings } of report.files) {
    for (const { line, entry, warnings: ids } of findings) {
      const here = entry.translated ? entry.here : `NO TRANSLATION: ${entry.here}`;
      out.push(`${path}:${line}  ${entry.name}  →  ${here}`);
      for (const id of ids) seen.set(id, [...(seen.get(id) ?? []), `${path}:${line}`]);
    }
  }
  for (const { file, line, reason } of report.untranslated) {
    out.push(`${file}:${line}  NOT TRANSLATED  ${reason}`);
  }
  if (seen.size > 0) out.push('', 'What to look out for:');
  for (const [id, places] of seen) {
    const more = places.length > 3 ? `, and ${places.length - 3} more` : '';
    out.push(`- ${warnings[id]} (${places.slice(0, 3).join(', ')}${more})`);
  }
  if (out.length === 0) out.push('nothing here has to do with WebSockets');
  return `${out.map((text) => escapeText(text)).join('\n')}\n`;
}

export function toJson(report: Report): string {
  const findings = report.files.flatMap(({ path, findings: found }) =>
    found.map(({ line, entry, warnings: ids }) => ({
      file: path,
      line,
      name: entry.name,
      surface: entry.surface,
      translation: entry.translated ? entry.here : null,
      advice: entry.translated ? null : entry.here,
      warnings: ids.map((id) => ({ id, text: warnings[id] })),
    })),
  );
  const untranslated = report.untranslated.map(({ file, line, count, reason }) => ({
    file,
    line,
    count,
    reason,
  }));
  return `${JSON.stringify({ complete: isComplete(report), findings, untranslated }, null, 2)}\n`;
}
