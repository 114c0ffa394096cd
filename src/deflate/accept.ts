/**
 * Builds the answer of a server to the offers of a client, and determines the agreed parameters: RFC 7692 §5, §7.1. This file has no state.
 */
import type { ExtensionOffer } from '../handshake/extension.ts';
import { type DeflateConfig, withDefaults } from './config.ts';
import { DEFLATE_EXTENSION, type DeflateParams, element, readParameters, type Stated } from './params.ts';

/** The answer of a server, and the parameters that the connection uses because of this answer. */
export interface DeflateAcceptance {
  readonly answer: ExtensionOffer;
  readonly params: DeflateParams;
}

/**
 * Builds the answer to the offers of a client. The server accepts only the first well-formed offer, in the client's order of preference. It
 * cannot accept a second one, since two extensions that use RSV1 cannot be combined (RFC 7692 §5).
 * @param offers all extensions that the client offered. Extensions with other names are skipped
 * @returns the answer and the parameters; null if no offer is acceptable. The connection then opens without compression
 * @throws TypeError, RangeError the errors of `checkDeflateConfig`; an offer never causes an error
 */
export function acceptDeflate(
  offers: readonly ExtensionOffer[],
  config: DeflateConfig,
): DeflateAcceptance | null {
  const wanted = withDefaults(config);
  for (const offer of offers) {
    if (offer.name !== DEFLATE_EXTENSION) continue;
    const offered = readParameters(offer, 'offer');
    // An invalid offer MUST be declined (7692 §7), but the next offer may be acceptable (7692 §5.1). If all offers are invalid, the
    // handshake still continues.
    if (!('code' in offered)) return accept(offered, wanted);
  }
  return null;
}

/*
 * The server can accept every well-formed offer, so no row of these tables declines an offer. "-" means that the parameter is absent.
 *
 * server_no_context_takeover, 7692 §7.1.1.1: a server that accepts an offer with this parameter must state it. A server may also state it
 * if the client did not offer it.
 *   config   offer     answer
 *   false    -         -
 *   false    offered   stated
 *   true     either    stated
 *
 * client_no_context_takeover, 7692 §7.1.1.2: in an offer, the parameter is only a hint. In an answer, the client must obey it. We state
 * the parameter if the client offered it, since only then we may drop the context for decompression.
 *   config   offer     answer
 *   false    -         -
 *   false    offered   stated
 *   true     either    stated: a client must support it
 *
 * server_max_window_bits, 7692 §7.1.2.1: a server that accepts an offer with this parameter states the same or a smaller value. A server
 * may also state the parameter if the client did not offer it.
 *   config   offer     answer
 *   15       -         -, so 15 applies
 *   C < 15   -         C
 *   C        N         min(N, C), stated even if it is 15
 *
 * client_max_window_bits, 7692 §7.1.2.2: a server MUST NOT state this parameter if the client did not offer it. If the client offers it
 * without a value, N is 15.
 *   config   offer     answer
 *   C        -         -, so 15 applies, whatever C is
 *   C        N         min(N, C) if that is below 15, else -
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
