/**
 * The script of the HTML report, which searches and sorts the cases. Without the script the page shows all cases in the order of their ids.
 * The Content Security Policy of the page allows only this script, by its hash.
 */

import { createHash } from 'node:crypto';

/** The script runs in a browser. It imports nothing, and never treats text of a peer as markup. */
const source = `(() => {
  const table = document.getElementById('table');
  if (table === null) return;
  const tools = document.getElementById('tools');
  const search = document.getElementById('search');
  const count = document.getElementById('count');
  const rows = [...table.querySelectorAll('tr.row')];
  const groups = [...table.querySelectorAll('tr.group')];
  const body = table.tBodies[0];
  const inOrder = [...body.rows];
  const words = rows.map((row) => row.textContent.toLowerCase());
  tools.hidden = false;
  let key = 'id';
  let down = false;
  const isSearched = (i) => search.value.toLowerCase().split(/\\s+/).every((word) => words[i].includes(word));
  const show = () => {
    let shown = 0;
    const there = new Set();
    for (const [i, row] of rows.entries()) {
      row.hidden = !isSearched(i);
      if (row.hidden) continue;
      shown += 1;
      there.add(row.dataset.g);
    }
    for (const row of groups) row.hidden = key !== 'id' || down || !there.has(row.dataset.g);
    count.textContent = shown === rows.length ? '' : shown + ' of ' + rows.length;
  };
  const valueOf = (row) => {
    const text = row.querySelector('.' + key).textContent;
    if (key === 'ms') return Number(text);
    return key === 'v' ? Number(row.dataset.v) : text;
  };
  const sort = () => {
    if (key === 'id') body.append(...(down ? [...inOrder].reverse() : inOrder));
    else {
      const sorted = rows.map((row, i) => [valueOf(row), i, row]);
      sorted.sort(([a, i], [b, k]) => (a < b ? -1 : a > b ? 1 : i - k));
      if (down) sorted.reverse();
      body.append(...sorted.map(([, , row]) => row));
    }
    for (const head of table.tHead.querySelectorAll('th')) {
      const own = head.dataset.k === key;
      if (own) head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
    show();
  };
  for (const head of table.tHead.querySelectorAll('th[data-k]')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener('click', () => {
      down = key === head.dataset.k ? !down : head.dataset.k === 'ms';
      key = head.dataset.k;
      sort();
    });
  }
  search.addEventListener('input', show);
  sort();
})();`;

/** The script element, and the hash of its code for the Content Security Policy. */
export const script: string = `<script>${source}</script>`;
export const scriptHash: string = `sha256-${createHash('sha256').update(source).digest('base64')}`;
