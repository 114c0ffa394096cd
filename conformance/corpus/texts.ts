/**
 * Generates three kinds of text: JSON records, prose that looks German, and an HTML table.
 */

import { Random } from './random.ts';

/** Joins the texts that `piece` returns, until the result has exactly `length` code points. */
function upTo(length: number, piece: (index: number) => string): string {
  const parts: string[] = [];
  let size = 0;
  for (let index = 0; size < length; index++) {
    const part = piece(index);
    parts.push(part);
    size += [...part].length;
  }
  return [...parts.join('')].slice(0, length).join('');
}

/** Generates JSON with many similar measurements. The text is ASCII. Compression reduces the text to a twentieth of its size. */
export function jsonText(length: number): string {
  const random = new Random(101);
  const record = (index: number): string => {
    const station = 40 + random.below(20);
    const value = 1000 + random.below(400);
    return `    {\n      "type": "measurement",\n      "station": "station-${station}",\n      "sequence": ${100_000 + index},\n      "quality": "good",\n      "unit": "hectopascal",\n      "position": { "latitude": 52.5${random.below(90)}, "longitude": 13.4050, "altitude": 34 },\n      "value": ${value}\n    },\n`;
  };
  return upTo(length, (index) => (index === 0 ? '{\n  "measurements": [\n' : '') + record(index));
}

const syllables =
  'ab an auf be ber bin da den der die ein en er es fer ge gen ha hen hin ich in ist ke kein la le lich mal men mit na ne nicht ra re rin sa sche sein sie te tig um un und ver von wa wei wie zu zwi'.split(
    ' ',
  );

/** Generates sentences of words with German syllables. Compression reduces the text to two fifths of its size. */
export function proseText(length: number): string {
  const random = new Random(203);
  // As in a real language, a few words are common, and many words are rare.
  const words = Array.from({ length: 4000 }, () => {
    const parts = Array.from({ length: 1 + random.below(3) }, () => random.pick(syllables));
    return parts.join('');
  });
  const word = (): string => words[Math.floor((random.below(4000) * random.below(4000)) / 4000)]!;
  return upTo(length, () => {
    const list = Array.from({ length: 5 + random.below(12) }, word);
    const sentence = list.join(random.below(4) === 0 ? ', ' : ' ');
    return `${sentence[0]!.toUpperCase()}${sentence.slice(1)}.${random.below(6) === 0 ? '\r\n\r\n' : ' '}`;
  });
}

/**
 * Generates a page with a long table. One character in ten thousand is not ASCII. Compression reduces the text to a twentieth of its size.
 */
export function htmlText(length: number): string {
  const random = new Random(307);
  const head =
    '<!DOCTYPE html>\n<html lang="de">\n<head><meta charset="utf-8"><title>Übersicht</title></head>\n<body>\n<table class="overview">\n';
  return upTo(length, (index) => {
    const mark = index % 52 === 0 ? 'geprüft' : 'offen';
    const row = `  <tr class="row ${index % 2 === 0 ? 'even' : 'odd'}">\n    <td class="id">${index}</td>\n    <td class="name"><a href="/items/${index}.html">Item ${random.below(30)}</a></td>\n    <td class="state">${mark}</td>\n    <td class="amount">${random.below(20)},00</td>\n  </tr>\n`;
    return (index === 0 ? head : '') + row;
  });
}
