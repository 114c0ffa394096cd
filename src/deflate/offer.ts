/** Builds the offer of a client: RFC 7692 §5.1, §7.1. */
import type { ExtensionOffer } from '../handshake/extension.ts';
import { type DeflateConfig, withDefaults } from './config.ts';
import { type DeflateParams, element } from './params.ts';

/**
 * Builds the offers of a client: a list of one element, which has the parameters that the configuration requires.
 * @throws TypeError, RangeError the errors of `checkDeflateConfig`
 */
export function offerDeflate(config: DeflateConfig): ExtensionOffer[] {
  return [offerOf(withDefaults(config))];
}

/*
 *   config                            offered
 *   serverNoContextTakeover           server_no_context_takeover: the server must comply or decline
 *   clientNoContextTakeover           client_no_context_takeover: a hint to the server, and a promise of the client
 *   serverMaxWindowBits = N < 15      server_max_window_bits=N: the server must comply or decline
 *   clientMaxWindowBits = 15          client_max_window_bits: the server may set a limit
 *   clientMaxWindowBits = N < 15      client_max_window_bits=N: the server may set a limit, and the client promises to use at most N
 */
export function offerOf(wanted: DeflateParams): ExtensionOffer {
  const { serverMaxWindowBits: server, clientMaxWindowBits: client } = wanted;
  return element(wanted, server < 15 ? String(server) : undefined, client < 15 ? String(client) : null);
}
