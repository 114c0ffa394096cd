/** Writes the tables of docs/4d.md and docs/plugin.md from the list of `rfc6455 4d`, which is in dist/cli/fourd/table.js. */
import * as table from '../dist/cli/fourd/table.js';

/** @type {Record<string, readonly import('../dist/cli/fourd/table.js').Entry[]>} */
const parts = {
  classes: table.classEntries,
  commands: table.pluginEntries,
  general: table.generalEntries,
};

/**
 * Returns the page with its tables filled.
 * @param {string} page
 */
export function fillTables(page) {
  return page.replace(
    /(<!-- (classes|commands|general): [^>]*-->\n)[\s\S]*?(<!-- end of \2 -->)/g,
    (_text, begin, name, end) => `${begin}\n${table.tableOf(parts[name] ?? [])}\n\n${end}`,
  );
}
