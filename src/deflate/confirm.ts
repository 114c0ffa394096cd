/**
 * Checks, on a client, the server's answer to the offer of permessage-deflate: RFC 7692 §5, §7.1. handshake/client.ts checks that the
 * client has offered the extension. refusal.ts has a table of the errors that fail the connection.
 */
import type { ExtensionOffer } from '../handshake/extension.ts';
import { type DeflateConfig, withDefaults } from './config.ts';
import { offerOf } from './offer.ts';
import { DEFLATE_EXTENSION, type DeflateParams, readParameters, type Stated } from './params.ts';
import { deflateRefusal } from './refusal.ts';

/**
 * Checks the server's answer to `offerDeflate(config)`, and returns the agreed parameters. The client always obeys the parameters
 * `clientNoContextTakeover` and `clientMaxWindowBits` of its offer when it sends. The answer need not mention them.
 * @param answers all extensions in the server's answer. Extensions with other names are skipped, since the handshake checks them
 * @returns the parameters; null if the server declined the offer
 * @throws HandshakeError (stage 'extensions', a `DeflateRefusalCode`) for an answer that the offer does not allow
 * @throws TypeError, RangeError the errors of `checkDeflateConfig`
 */
export function confirmDeflate(
  answers: readonly ExtensionOffer[],
  config: DeflateConfig,
): DeflateParams | null {
  const offer = offerOf(withDefaults(config));
  const [answer, second] = answers.filter(({ name }) => name === DEFLATE_EXTENSION);
  // 7692 §5: a server accepts at most one offer, so the answer has at most one element of this extension.
  if (second !== undefined) throw deflateRefusal('WS_DEFLATE_REPEATED', DEFLATE_EXTENSION);
  return answer === undefined ? null : confirmDeflateAnswer(answer, offer);
}

/**
 * Checks one answer in the same way as `confirmDeflate`. The offer may be any valid offer, and need not come from `offerDeflate`.
 * @throws HandshakeError the errors of `confirmDeflate`
 * @throws TypeError for an offer that no server may accept
 */
export function confirmDeflateAnswer(answer: ExtensionOffer, offer: ExtensionOffer): DeflateParams {
  const offered = readParameters(offer, 'offer');
  if ('code' in offered) {
    throw new TypeError(`The offer of permessage-deflate has a wrong parameter: ${offered.name}`);
  }
  const stated = readParameters(answer, 'answer');
  // 7692 §7: a client MUST fail the connection on an invalid answer.
  if ('code' in stated) throw deflateRefusal(stated.code, stated.name, stated.value);
  return confirm(stated, offered);
}

/*
 * server_no_context_takeover, 7692 §7.1.1.1
 *   offer     answer   client
 *   -         -        false
 *   -         stated   true: a client must support the parameter
 *   offered   stated   true
 *   offered   -        fail: a server that accepts the offer must state the parameter
 *
 * client_no_context_takeover, 7692 §7.1.1.2
 *   offer     answer   client
 *   -         -        false
 *   -         stated   true: a client MUST support the parameter even if it did not offer it
 *   offered   either   true: the offer is a promise, which the client keeps
 *
 * server_max_window_bits, 7692 §7.1.2.1
 *   offer     answer   client
 *   -         -        15
 *   -         M        M
 *   N         M ≤ N    M
 *   N         M > N    fail
 *   N         -        fail: an absent parameter means 15, but a server that accepts the offer must state at most N
 *
 * client_max_window_bits, 7692 §7.1.2.2; if it is offered without a value, N is 15
 *   offer     answer   client
 *   -         -        15
 *   -         M        fail
 *   N         -        N: the server would accept a larger window, but the offer promises to use no more than N
 *   N         M ≤ N    M
 *   N         M > N    fail: a server may leave the parameter out, or state at most N
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
 * Returns the window bits of the answer. Throws if they exceed the offered window bits. If the answer does not state window bits, returns
 * the offered window bits, or 15 if the offer states none.
 */
function within(name: string, stated: number | null, offered: number | null): number {
  const limit = offered ?? 15;
  if (stated === null) return limit;
  if (stated > limit) throw deflateRefusal('WS_DEFLATE_WINDOW_TOO_LARGE', name, String(stated));
  return stated;
}
