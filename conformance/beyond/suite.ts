/**
 * The cases beyond Autobahn's, from group 20 on: the opening handshake, masking, lengths, compression, limits, closing,
 * timeouts.
 */

import type { Suite } from '../case/model.ts';

export const beyond: Suite = { titles: {}, cases: [] };
