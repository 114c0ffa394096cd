/**
 * The cases that Autobahn does not have, in the groups 20 to 29: opening handshake, masking, lengths, compression, limits, closing and
 * timeouts.
 */

import type { Suite } from '../case/model.ts';
import { compareIds } from '../case/select.ts';
import { clientKeys, clientKeyTitles } from './client-keys.ts';
import { clientOpening, clientOpeningTitles } from './client-opening.ts';
import { compression, compressionTitles } from './compression.ts';
import { endurance, enduranceTitles } from './endurance.ts';
import { frames, frameTitles } from './frames.ts';
import { largeCases, largeTitles } from './large.ts';
import { serverOpening, serverOpeningTitles } from './server-opening.ts';
import { windowCases, windowTitles } from './window.ts';

export const beyond: Suite = {
  titles: {
    ...serverOpeningTitles,
    ...clientOpeningTitles,
    ...frameTitles,
    ...compressionTitles,
    ...enduranceTitles,
    ...clientKeyTitles,
    ...windowTitles,
    ...largeTitles,
  },
  cases: [
    ...[...serverOpening, ...clientOpening, ...frames, ...compression, ...endurance],
    ...[...clientKeys, ...windowCases, ...largeCases],
  ].sort((a, b) => compareIds(a.id, b.id)),
};
