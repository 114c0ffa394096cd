/**
 * On a client, checks the server's answer to the offer of permessage-deflate: RFC 7692 §5, §7.1. handshake/client.ts has already checked
 * that the client offered the extension. refusal.ts lists the possible errors.
 */
import type { ExtensionOffer } from '../handshake/extension.ts';
import { type DeflateConfig, withDefaults } from './config.ts';
import { offerOf } from './offer.ts';
import { DEFLATE_EXTENSION, type DeflateParams, readParameters, type Stated } from './params.ts';
import { deflateRefusal } from './refusal.ts';

/**
 * Checks the server's answer to `offerDeflate(config)`, and returns the agreed parameters. The client always obeys
 * `clientNoContextTakeover` and `clientMaxWindowBits` of its offer, even if the answer does not repeat these parameters.
 * @param answers all extensions in the server's answer. This function skips extensions other than permessage-deflate
 * @returns the parameters, or null if the server declined the offer
 * @throws HandshakeError with stage 'extensions' and a `DeflateRefusalCode` if the answer is invalid, or does not fit the offer
 * @throws TypeError, RangeError if `config` is invalid (see `checkDeflateConfig`)
 */
export function confirmDeflate(
  answers: readonly ExtensionOffer[],
  config: DeflateConfig,
): DeflateParams | null {
  const offer = offerOf(withDefaults(config));
  const [answer, second] = answers.filter(({ name }) => name === DEFLATE_EXTENSION);
  // 7692 §5: a server accepts at most one offer. So the answer contains permessage-deflate at most once.
  if (second !== undefined) throw deflateRefusal('WS_DEFLATE_REPEATED', DEFLATE_EXTENSION);
  return answer === undefined ? null : confirmDeflateAnswer(answer, offer);
}

/**
 * Checks one answer like `confirmDeflate`, but for any valid offer. The offer need not come from `offerDeflate`.
 * @throws HandshakeError if the answer is invalid (see `confirmDeflate`)
 * @throws TypeError if the offer is invalid
 */
export function confirmDeflateAnswer(answer: ExtensionOffer, offer: ExtensionOffer): DeflateParams {
  const offered = readParameters(offer, 'offer');
  if ('code' in offered) {
    throw new TypeError(`The offer of permessage-deflate has a wrong parameter: ${offered.name}`);
  }
  const stated = readParameters(answer, 'answer');
  // 7692 §7: a client MUST fail the connection if the answer is invalid.
  if ('code' in stated) throw deflateRefusal(stated.code, stated.name, stated.value);
  return confirm(stated, offered);
}

/*
 * The tables show, for each parameter, the client's offer, the server's answer, and the value that the client uses. "-" means that the
 * parameter is absent.
 *
 * server_no_context_takeover, 7692 §7.1.1.1
 *   offer     answer   client
 *   -         -        false
 *   -         stated   true: a client must support the parameter
 *   offered   stated   true
 *   offered   -        fail: the server must repeat the parameter
 *
 * client_no_context_takeover, 7692 §7.1.1.2
 *   offer     answer   client
 *   -         -        false
 *   -         stated   true: a client MUST support the parameter even if it did not offer it
 *   offered   either   true: with the offer, the client has promised this
 *
 * server_max_window_bits, 7692 §7.1.2.1
 *   offer     answer   client
 *   -         -        15
 *   -         M        M
 *   N         M ≤ N    M
 *   N         M > N    fail
 *   N         -        fail: the server must state at most N
 *
 * client_max_window_bits, 7692 §7.1.2.2. An offer without a value counts as N = 15.
 *   offer     answer   client
 *   -         -        15
 *   -         M        fail
 *   N         -        N: with the offer, the client has promised to use at most N
 *   N         M ≤ N    M
 *   N         M > N    fail: if the server states the parameter, it must be at most N
 */
function confirm(stated: Stated, offered: Stated): DeflateParams {
  if (offered.serverNoContextTakeover && !stated.serverNoContextTakeover) {
    throw deflateRefusal('WS_DEFLATE_PARAMETER_MISSING', 'server_no_context_takeover');
  }
  if (offered.serverMaxWindowBits !== null && stated.serverMaxWindowBits === null) {
    throw deflateRefusal('WS_DEFLATE_PARAMETER_MISSING', 'server_max_window_bits');
  }
  if (offered.clientMaxWindowBits === null && stated.clientMaxWindowBits !== null) {
    throw deflateRefusal(
      'WS_DEFLATE_PARAMETER_NOT_OFFERED',
      'client_max_window_bits',
      String(stated.clientMaxWindowBits),
    );
  }
  return {
    serverNoContextTakeover: stated.serverNoContextTakeover,
    clientNoContextTakeover: stated.clientNoContextTakeover || offered.clientNoContextTakeover,
    serverMaxWindowBits: within(
      'server_max_window_bits',
      stated.serverMaxWindowBits,
      offered.serverMaxWindowBits,
    ),
    clientMaxWindowBits: within(
      'client_max_window_bits',
      stated.clientMaxWindowBits,
      offered.clientMaxWindowBits,
    ),
  };
}

/**
 * Returns the window bits of the answer. If the answer has none, returns the offered window bits, or 15 if the offer has none either.
 * Throws if the answer exceeds the offer.
 */
function within(name: string, stated: number | null, offered: number | null): number {
  const limit = offered ?? 15;
  if (stated === null) return limit;
  if (stated > limit) throw deflateRefusal('WS_DEFLATE_WINDOW_TOO_LARGE', name, String(stated));
  return stated;
}
