/** Builds the offer of a client: RFC 7692 §5.1, §7.1. */
import type { ExtensionOffer } from '../handshake/extension.ts';
import { type DeflateConfig, withDefaults } from './config.ts';
import { type DeflateParams, element } from './params.ts';

/**
 * Builds the list of offers of a client. The list has one offer, with the parameters that the configuration requires.
 * @throws TypeError, RangeError if `config` is invalid (see `checkDeflateConfig`)
 */
export function offerDeflate(config: DeflateConfig): ExtensionOffer[] {
  return [offerOf(withDefaults(config))];
}

/*
 *   config                            offered
 *   serverNoContextTakeover           server_no_context_takeover: the server must obey, or decline the offer
 *   clientNoContextTakeover           client_no_context_takeover: the client promises to use no context
 *   serverMaxWindowBits = N < 15      server_max_window_bits=N: the server must obey, or decline the offer
 *   clientMaxWindowBits = 15          client_max_window_bits: the server may set a limit
 *   clientMaxWindowBits = N < 15      client_max_window_bits=N: the server may set a limit, and the client promises to use at most N
 */
export function offerOf(wanted: DeflateParams): ExtensionOffer {
  const { serverMaxWindowBits: server, clientMaxWindowBits: client } = wanted;
  return element(wanted, server < 15 ? String(server) : undefined, client < 15 ? String(client) : null);
}
