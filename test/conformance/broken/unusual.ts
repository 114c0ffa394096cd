/**
 * Correct peers with unusual behaviour. The judge must not fail these peers. If Autobahn expects another behaviour in a case, the entry
 * names the case as tolerated.
 */

import type { Case } from '../../../conformance/case/model.ts';
import { ids } from './faults.ts';
import type { Rules } from './rules.ts';

export interface Unusual {
  readonly name: string;
  /** The section that allows this behaviour. */
  readonly section: string;
  readonly does: Partial<Rules>;
  /**
   * `tolerated` has the cases that always get the verdict NON-STRICT. `mayBeTolerated` has the cases with a verdict that depends on the
   * order in which data arrives.
   */
  readonly tolerated?: readonly string[];
  readonly mayBeTolerated?: readonly string[];
  /** The cases that do not apply to the peer. @default none */
  readonly notApplicable?: (one: Case) => boolean;
}

/** Autobahn's cases with an invalid frame after a valid message. If the peer does not echo the message, the verdict is NON-STRICT. */
const echoMayLack = ids('3.2-4 4.1.3-5 4.2.3-5 5.15');

export const unusual: readonly Unusual[] = [
  {
    name: 'does not support permessage-deflate',
    section: '6455 §9.1',
    does: { compresses: false },
    notApplicable: ({ deflate }) => deflate !== undefined && deflate.optional !== false,
  },
  {
    name: 'forbids context takeover to the other peer',
    section: '7692 §7.1.1',
    does: { takesOver: false },
    notApplicable: ({ deflate }) => deflate?.needs === 'takeover',
  },
  { name: 'compresses only large messages', section: '7692 §6', does: { compressesFrom: 1024 } },
  {
    name: 'echoes each part of a message as soon as it arrives',
    section: '6455 §5.4',
    does: { streams: true },
  },
  { name: 'echoes late', section: '6455 §6.2', does: { delay: () => 30 }, mayBeTolerated: echoMayLack },
  { name: 'sends unsolicited pongs', section: '6455 §5.5.3', does: { heartbeats: true } },
  {
    name: 'answers only the newest ping',
    section: '6455 §5.5.3',
    does: { answersNewestPing: true },
    tolerated: ids('2.10'),
    mayBeTolerated: ids('2.11 5.20'),
  },
  {
    name: 'resets TCP instead of sending a Close frame',
    section: '6455 §7.1.7',
    does: { failsWithReset: true },
    // A reset may destroy data that was sent earlier.
    mayBeTolerated: echoMayLack,
  },
];
