/**
 * Autobahn's groups 12 and 13: round trips of compressed messages. Group 12 has five kinds of content, and group 13 has seven combinations
 * of negotiated parameters.
 */

import type { Case, DeflateSpec, LoopStep } from '../case/model.ts';
import { type Corpus, corpora } from '../corpus/corpora.ts';
import type { Common } from './build.ts';
import { roundTrips } from './round-trips.ts';

/**
 * The parameters of the cases 1 to 18 in every subgroup: the length of a message, the size of its compressed fragments, and a limit in
 * seconds. The limit is for all messages of the case.
 */
const rows: readonly (readonly [length: number, fragmentSize: number | null, seconds: number])[] = [
  [16, null, 60],
  [64, null, 60],
  [256, null, 120],
  [1024, null, 240],
  ...[4096, 8192, 16_384, 32_768, 65_536, 131_072].map((length) => [length, null, 480] as const),
  ...[8192, 16_384, 32_768, 65_536, 131_072].map((length) => [length, 256, 480] as const),
  ...[1024, 4096, 32_768].map((size) => [131_072, size, 480] as const),
];

/**
 * Returns the number of messages for the quick profile. These messages fill the compression window more than once, and take less than a
 * minute.
 */
function quickCount(length: number): number {
  return length <= 1024 ? 20 : length <= 16_384 ? 8 : 4;
}

const offered = 'permessage-deflate; client_no_context_takeover; client_max_window_bits';

/**
 * The negotiations of the subgroups 13.1 to 13.7. As a client, the judge sends the `offer`. As a server, the judge requests the `wishes`.
 */
const agreements: readonly DeflateSpec[] = [
  { offer: offered, wishes: [{}] },
  { offer: `${offered}; server_no_context_takeover`, wishes: [{ clientNoContextTakeover: true }] },
  { offer: `${offered}; server_max_window_bits=9`, wishes: [{ clientMaxWindowBits: 9 }] },
  { offer: `${offered}; server_max_window_bits=15`, wishes: [{ clientMaxWindowBits: 15 }] },
  {
    offer: `${offered}; server_no_context_takeover; server_max_window_bits=9`,
    wishes: [{ clientNoContextTakeover: true, clientMaxWindowBits: 9 }],
  },
  {
    offer: `${offered}; server_no_context_takeover; server_max_window_bits=15`,
    wishes: [{ clientNoContextTakeover: true, clientMaxWindowBits: 15 }],
  },
  {
    offer: [
      `${offered}; server_no_context_takeover; server_max_window_bits=9`,
      `${offered}; server_no_context_takeover`,
      offered,
    ].join(', '),
    wishes: [
      { clientNoContextTakeover: true, clientMaxWindowBits: 9 },
      { clientNoContextTakeover: true },
      {},
    ],
  },
];

function subgroup(group: string, corpus: Corpus, deflate: DeflateSpec, common: Common): Case[] {
  return rows.map(([length, fragmentSize, seconds], i) => {
    const loop: LoopStep = {
      do: 'loop',
      messages: { full: 1000, quick: quickCount(length) },
      kind: corpus.kind,
      source: (index) => corpus.cut(index, length),
      compare: 'content',
      fragmentSize,
      compress: true,
      seconds,
    };
    const frames = fragmentSize === null ? 'in one frame' : `in frames of ${fragmentSize} compressed bytes`;
    return roundTrips(
      `${group}.${i + 1}`,
      common,
      loop,
      `${length} ${corpus.unit}s each, ${frames}`,
      deflate,
    );
  });
}

const payloads = (corpus: Corpus): Common => ({
  section: '7692 §7.2',
  covers: ['P6', 'P7', 'P9', 'P10', 'P23', 'P27', 'P29', 'F11'],
  about: `Content: ${corpus.title}`,
});
const parameters = (deflate: DeflateSpec): Common => ({
  section: '7692 §7.1',
  covers: ['P2', 'P6', 'P13', 'P14', 'P15', 'P16', 'P19', 'P21', 'P26', 'P27', 'P28', 'S16', 'V5'],
  about: `As a client, the judge offers ${deflate.offer}`,
});

/** The cases of groups 12 and 13, in order. */
export const compressionCases: readonly Case[] = [
  ...corpora.flatMap((corpus, i) => subgroup(`12.${i + 1}`, corpus, agreements[0]!, payloads(corpus))),
  ...agreements.flatMap((deflate, i) => subgroup(`13.${i + 1}`, corpora[0]!, deflate, parameters(deflate))),
];
