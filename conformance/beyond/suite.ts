/**
 * The cases beyond Autobahn's, from group 20 on: the opening handshake, masking, lengths, compression, limits, closing,
 * timeouts.
 */

import type { Suite } from '../case/model.ts';
import { clientOpening, clientOpeningTitles } from './client-opening.ts';
import { compression, compressionTitles } from './compression.ts';
import { endurance, enduranceTitles } from './endurance.ts';
import { frames, frameTitles } from './frames.ts';
import { serverOpening, serverOpeningTitles } from './server-opening.ts';

export const beyond: Suite = {
  titles: {
    ...serverOpeningTitles,
    ...clientOpeningTitles,
    ...frameTitles,
    ...compressionTitles,
    ...enduranceTitles,
  },
  cases: [...serverOpening, ...clientOpening, ...frames, ...compression, ...endurance],
};
