/**
 * Builds the answer of a server to the offers of a client, and determines the agreed parameters: RFC 7692 §5, §7.1.
 */
import type { ExtensionOffer } from '../handshake/extension.ts';
import { type DeflateConfig, withDefaults } from './config.ts';
import { DEFLATE_EXTENSION, type DeflateParams, element, readParameters, type Stated } from './params.ts';

/** The answer of a server, and the parameters that this answer sets for the connection. */
export interface DeflateAcceptance {
  readonly answer: ExtensionOffer;
  readonly params: DeflateParams;
}

/**
 * Builds the answer to the offers of a client. The client lists its preferred offer first. The server accepts the first valid offer, and
 * ignores all later offers (RFC 7692 §5).
 * @param offers all extensions that the client offered. This function skips extensions other than permessage-deflate
 * @returns the answer and the parameters, or null if no offer is valid. If the result is null, the connection opens without compression
 * @throws TypeError, RangeError if `config` is invalid (see `checkDeflateConfig`). An invalid offer does not throw
 */
export function acceptDeflate(
  offers: readonly ExtensionOffer[],
  config: DeflateConfig,
): DeflateAcceptance | null {
  const wanted = withDefaults(config);
  for (const offer of offers) {
    if (offer.name !== DEFLATE_EXTENSION) continue;
    const offered = readParameters(offer, 'offer');
    // The server MUST decline an invalid offer (7692 §7), but the next offer may be valid (7692 §5.1). If all offers are invalid, the
    // handshake continues without compression.
    if (!('code' in offered)) return accept(offered, wanted);
  }
  return null;
}

/*
 * The tables show, for each parameter, our configuration, the client's offer and our answer. "-" means that the parameter is absent. Our
 * server can accept every valid offer, so no row declines an offer.
 *
 * server_no_context_takeover, 7692 §7.1.1.1: if the offer has this parameter, the answer must have it too. The answer may have this
 * parameter even if the offer does not.
 *   config   offer     answer
 *   false    -         -
 *   false    offered   stated
 *   true     either    stated
 *
 * client_no_context_takeover, 7692 §7.1.1.2: in an offer, this parameter is only a hint. In an answer, the parameter is a rule that the
 * client must obey. If the client offers this parameter, we state it. Then we need not keep a context for decompression.
 *   config   offer     answer
 *   false    -         -
 *   false    offered   stated
 *   true     either    stated: a client must support it
 *
 * server_max_window_bits, 7692 §7.1.2.1: if the offer has this parameter, the answer has it with the same or a smaller value. The answer
 * may have this parameter even if the offer does not.
 *   config   offer     answer
 *   15       -         - (the value is 15)
 *   C < 15   -         C
 *   C        N         min(N, C), stated even if it is 15
 *
 * client_max_window_bits, 7692 §7.1.2.2: a server MUST NOT state this parameter if the client did not offer it. An offer without a value
 * counts as N = 15.
 *   config   offer     answer
 *   C        -         - (the value is 15, not C)
 *   C        N         min(N, C); or - if both are 15
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
