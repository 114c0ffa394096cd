/**
 * Draws the results of `npm run bench` as a chart. For each workload, a bar for each server shows the CPU time of `ws` divided by the CPU
 * time of this server. The scale is logarithmic.
 */
import { median, ratiosOf } from './side-by-side.js';

/** @typedef {Record<string, Record<string, { cpu: number }[]>>} Figures */

const NAMES = /** @type {Record<string, string>} */ ({
  rfc6455: 'rfc6455',
  bun: 'Bun',
  raw: 'node:net, unparsed',
});
const COLOURS = /** @type {Record<string, string>} */ ({
  rfc6455: '#1f6feb',
  bun: '#f2a541',
  raw: '#9aa4ae',
});

const LABELS = 190;
const WIDTH = 560;
const BAR = 9;
const GAP = 9;
const TOP = 44;
const MAX = 64;
const MIN = 0.5;

/** @param {number} ratio */
const x = (ratio) =>
  LABELS + (Math.log2(Math.min(MAX, Math.max(MIN, ratio)) / MIN) / Math.log2(MAX / MIN)) * WIDTH;

/** @param {Figures} figures @param {string} caption @returns {string} an SVG document */
export function chart(figures, caption) {
  const shown = Object.keys(NAMES).filter((name) => Object.values(figures).some((row) => row[name]?.length));
  const parts = [];
  let y = TOP;
  for (const [row, results] of Object.entries(figures)) {
    const bars = shown.filter((name) => results[name]?.length);
    const height = bars.length * BAR;
    parts.push(`<text x="${LABELS - 8}" y="${y + height / 2 + 4}" text-anchor="end">${row}</text>`);
    bars.forEach((name, at) => {
      const ratio = median(ratiosOf(results.ws, results[name]));
      const end = x(ratio);
      const from = x(1);
      const top = y + at * BAR;
      parts.push(
        `<rect x="${Math.min(from, end).toFixed(1)}" y="${top}" width="${Math.max(1, Math.abs(end - from)).toFixed(1)}" height="${BAR - 1}" fill="${COLOURS[name]}"/>`,
        `<text x="${(Math.max(from, end) + 4).toFixed(1)}" y="${top + BAR - 1.5}" class="figure">${ratio.toFixed(ratio < 10 ? 2 : 1)}</text>`,
      );
    });
    y += height + GAP;
  }
  const lines = [0.5, 1, 2, 4, 8, 16, 32, 64].map(
    (ratio) =>
      `<line x1="${x(ratio).toFixed(1)}" x2="${x(ratio).toFixed(1)}" y1="${TOP - 8}" y2="${y}" stroke="${ratio === 1 ? '#24292f' : '#d8dee4'}"/><text x="${x(ratio).toFixed(1)}" y="${TOP - 12}" text-anchor="middle" class="figure">${ratio}</text>`,
  );
  const legend = shown.map(
    (name, at) =>
      `<rect x="${LABELS + at * 160}" y="${y + 6}" width="10" height="10" fill="${COLOURS[name]}"/><text x="${LABELS + 15 + at * 160}" y="${y + 15}">${NAMES[name]}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${LABELS + WIDTH + 50}" height="${y + 26}" font-family="system-ui, sans-serif" font-size="11" fill="#24292f">
<style>.figure { font-size: 9px; fill: #57606a }</style>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="8" y="16" font-size="13">${caption}</text>
${[...lines, ...parts, ...legend].join('\n')}
</svg>
`;
}
