/**
 * Autobahn's 517 cases in the order of Autobahn. The titles of the groups are our own words.
 */

import type { Suite, Titles } from '../case/model.ts';
import { closingCases } from './closing.ts';
import { compressionCases } from './compression.ts';
import { framingCases, miscellaneousCases } from './framing.ts';
import { limitCases } from './limits.ts';
import { utf8Cases } from './utf8.ts';

const titles: Titles = {
  1: 'Framing',
  '1.1': 'Text in one frame',
  '1.2': 'Binary in one frame',
  2: 'Pings and pongs',
  3: 'Reserved bits',
  4: 'Reserved opcodes',
  '4.1': 'Data opcodes',
  '4.2': 'Control opcodes',
  5: 'Fragmentation',
  6: 'UTF-8',
  '6.1': 'Empty fragments',
  '6.2': 'Valid text in fragments',
  '6.3': 'Invalid text in fragments',
  '6.4': 'Early refusal of invalid text',
  '6.5': 'Valid sequences',
  '6.6': 'Every beginning of a text',
  '6.7': 'The first code point of each length',
  '6.8': 'The first value of five and six bytes',
  '6.9': 'The last code point of each length',
  '6.10': 'The last values beyond U+10FFFF',
  '6.11': 'Other boundaries',
  '6.12': 'Continuation bytes alone',
  '6.13': 'First bytes alone',
  '6.14': 'Sequences without the last byte',
  '6.15': 'All sequences of 6.14 together',
  '6.16': 'Bytes that UTF-8 never uses',
  '6.17': 'Overlong slashes',
  '6.18': 'The largest overlong forms',
  '6.19': 'Overlong NULs',
  '6.20': 'Single surrogates',
  '6.21': 'Surrogate pairs',
  '6.22': 'Noncharacters, which are valid',
  '6.23': 'Specials, which are valid',
  7: 'Closing',
  '7.1': 'Frames before and after a Close frame',
  '7.3': 'Payloads of Close frames',
  '7.5': 'Reasons that are not UTF-8',
  '7.7': 'Valid codes',
  '7.9': 'Invalid codes',
  '7.13': 'Codes out of range, without a verdict',
  9: 'Limits and speed',
  '9.1': 'Text frames of increasing size',
  '9.2': 'Binary frames of increasing size',
  '9.3': '4 MiB of text in fragments',
  '9.4': '4 MiB of bytes in fragments',
  '9.5': '1 MiB of text in small writes',
  '9.6': '1 MiB of bytes in small writes',
  '9.7': 'Text round trips',
  '9.8': 'Binary round trips',
  10: 'Miscellaneous',
  '10.1': 'A message length that is not a multiple of the fragment size',
  12: 'Compression of various content',
  '12.1': 'JSON',
  '12.2': 'A bitmap',
  '12.3': 'Prose',
  '12.4': 'HTML',
  '12.5': 'A document with compressed parts',
  13: 'Compression with various parameters',
  '13.1': 'Default parameters',
  '13.2': 'No context takeover',
  '13.3': 'A window of 512 bytes',
  '13.4': 'A window of 32 KiB',
  '13.5': 'A window of 512 bytes, no context takeover',
  '13.6': 'A window of 32 KiB, no context takeover',
  '13.7': 'Three offers in one request',
};

/** The cases of groups 1 to 13. */
export const autobahn: Suite = {
  titles,
  cases: [
    ...framingCases,
    ...utf8Cases,
    ...closingCases,
    ...limitCases,
    ...miscellaneousCases,
    ...compressionCases,
  ],
};
