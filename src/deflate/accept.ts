/**
 * What a server answers to a client's offers: RFC 7692 §5, §7.1. Pure: offers in, an answer and the agreed parameters out.
 */
import type { ExtensionOffer } from '../handshake/extension.ts';
import { type DeflateConfig, withDefaults } from './config.ts';
import { DEFLATE_EXTENSION, type DeflateParams, element, readParameters, type Stated } from './params.ts';

/** What a server answers, and what holds from then on. */
export interface DeflateAcceptance {
  readonly answer: ExtensionOffer;
  readonly params: DeflateParams;
}

/**
 * What a server answers to the offers of a client: it takes the first one that is well formed, in the client's order of
 * preference, and only that: no two extensions that use RSV1 go together (RFC 7692 §5).
 * @param offers all extensions that were offered; those with other names are skipped
 * @returns null to decline them all; the connection then opens without compression
 * @throws TypeError, RangeError as `checkDeflateConfig`; never for an offer
 */
export function acceptDeflate(
  offers: readonly ExtensionOffer[],
  config: DeflateConfig,
): DeflateAcceptance | null {
  const wanted = withDefaults(config);
  for (const offer of offers) {
    if (offer.name !== DEFLATE_EXTENSION) continue;
    const offered = readParameters(offer, 'offer');
    // 7692 §7: a bad offer MUST be declined. §5.1: the next one may do. The handshake goes on in any case.
    if (!('code' in offered)) return accept(offered, wanted);
  }
  return null;
}

/*
 * Every well-formed offer can be satisfied, so these tables have no row that declines. "-" is absent.
 *
 * server_no_context_takeover, 7692 §7.1.1.1: to accept it is to answer it; a server may add it unasked.
 *   config   offer     answer
 *   false    -         -
 *   false    offered   stated
 *   true     either    stated
 *
 * client_no_context_takeover, 7692 §7.1.1.2: a hint of the client, a command of the server. We take up the hint, since
 * only what is answered lets us forget the inflating context.
 *   config   offer     answer
 *   false    -         -
 *   false    offered   stated
 *   true     either    stated: a client has to cope
 *
 * server_max_window_bits, 7692 §7.1.2.1: to accept it is to answer the same or a smaller value; it may be stated unasked.
 *   config   offer     answer
 *   15       -         -, 15 holds
 *   C < 15   -         C
 *   C        N         min(N, C), said even where it is 15
 *
 * client_max_window_bits, 7692 §7.1.2.2: MUST NOT be answered where it was not offered; offered without a value, N is 15.
 *   config   offer     answer
 *   C        -         -, 15 holds whatever C says
 *   C        N         min(N, C) where that is below 15, else -
 */
function accept(offered: Stated, wanted: DeflateParams): DeflateAcceptance {
  const serverMaxWindowBits = Math.min(offered.serverMaxWindowBits ?? 15, wanted.serverMaxWindowBits);
  const clientMaxWindowBits =
    offered.clientMaxWindowBits === null
      ? 15
      : Math.min(offered.clientMaxWindowBits, wanted.clientMaxWindowBits);
  const params: DeflateParams = {
    serverNoContextTakeover: offered.serverNoContextTakeover || wanted.serverNoContextTakeover,
    clientNoContextTakeover: offered.clientNoContextTakeover || wanted.clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits,
  };
  const stateServer = offered.serverMaxWindowBits !== null || serverMaxWindowBits < 15;
  const answer = element(
    params,
    stateServer ? String(serverMaxWindowBits) : undefined,
    clientMaxWindowBits < 15 ? String(clientMaxWindowBits) : undefined,
  );
  return { answer, params };
}
