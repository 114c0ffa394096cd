/** Writes the tables of docs/4d.md and docs/plugin.md from dist/cli/fourd/table.js, the table of the command `rfc6455 4d`. */
import * as table from '../dist/cli/fourd/table.js';

/** @type {Record<string, readonly import('../dist/cli/fourd/table.js').Entry[]>} */
const parts = {
  classes: table.classEntries,
  commands: table.pluginEntries,
  general: table.generalEntries,
};

/**
 * Fills the tables of the page.
 * @param {string} page
 */
export function fillTables(page) {
  return page.replace(
    /(<!-- (classes|commands|general): [^>]*-->\n)[\s\S]*?(<!-- end of \2 -->)/g,
    (_text, begin, name, end) => `${begin}\n${table.tableOf(parts[name] ?? [])}\n\n${end}`,
  );
}
