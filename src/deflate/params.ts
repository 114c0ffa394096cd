/**
 * Reads and writes the parameters of permessage-deflate in Sec-WebSocket-Extensions: RFC 7692 §7, §7.1. handshake/extension.ts parses the
 * header field. offer.ts, accept.ts and confirm.ts negotiate the parameters. Names are compared case-sensitively, because the RFCs do not
 * say that case is ignored.
 */
import type { ExtensionOffer } from '../handshake/extension.ts';
import type { DeflateRefusalCode } from './refusal.ts';

/** The extension's name in Sec-WebSocket-Extensions (RFC 7692 §7). */
export const DEFLATE_EXTENSION = 'permessage-deflate';

/** The agreed parameters (RFC 7692 §7.1). A sender may always use a smaller window, or no context. */
export interface DeflateParams {
  readonly serverNoContextTakeover: boolean;
  /** On a client, this is also true if the parameter is in the offer but not in the answer, see `confirmDeflate`. */
  readonly clientNoContextTakeover: boolean;
  /** 8 to 15 */
  readonly serverMaxWindowBits: number;
  /** 8 to 15. On a client, if the answer has no value, this is the value of the offer, see `confirmDeflate`. */
  readonly clientMaxWindowBits: number;
}

/** The parameters in one offer or in one answer. */
export interface Stated {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  /** Null if the parameter is absent. */
  serverMaxWindowBits: number | null;
  /** Null if the parameter is absent. In an offer, the parameter may have no value. Then this field is 15, which has the same meaning. */
  clientMaxWindowBits: number | null;
}

/** The first invalid parameter of an offer or an answer. It makes the whole offer or answer invalid. */
export interface Fault {
  readonly code: DeflateRefusalCode;
  readonly name: string;
  readonly value: string | null;
}

/*
 * If one parameter is unknown, repeated or invalid, the whole offer or answer is invalid (7692 §7). The table shows the valid values.
 *
 *   parameter                      value in an offer      value in an answer
 *   server_no_context_takeover     none                   none
 *   client_no_context_takeover     none                   none
 *   server_max_window_bits         8 to 15                8 to 15
 *   client_max_window_bits         none, or 8 to 15       8 to 15
 */
export function readParameters(element: ExtensionOffer, role: 'offer' | 'answer'): Stated | Fault {
  const stated: Stated = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: null,
    clientMaxWindowBits: null,
  };
  const seen = new Set<string>();
  for (const [name, value] of element.parameters) {
    if (seen.has(name)) return { code: 'WS_DEFLATE_PARAMETER_REPEATED', name, value };
    seen.add(name);
    // An object as a lookup table would be unsafe: a peer may send a name such as "constructor", which every object has.
    switch (name) {
      case 'server_no_context_takeover':
        if (value !== null) return { code: 'WS_DEFLATE_CONTEXT_VALUE', name, value };
        stated.serverNoContextTakeover = true;
        break;
      case 'client_no_context_takeover':
        if (value !== null) return { code: 'WS_DEFLATE_CONTEXT_VALUE', name, value };
        stated.clientNoContextTakeover = true;
        break;
      case 'server_max_window_bits':
        stated.serverMaxWindowBits = parseWindowBits(value);
        if (stated.serverMaxWindowBits === null) return { code: 'WS_DEFLATE_WINDOW_VALUE', name, value };
        break;
      case 'client_max_window_bits':
        stated.clientMaxWindowBits = value === null && role === 'offer' ? 15 : parseWindowBits(value);
        if (stated.clientMaxWindowBits === null) return { code: 'WS_DEFLATE_WINDOW_VALUE', name, value };
        break;
      default:
        return { code: 'WS_DEFLATE_PARAMETER_UNKNOWN', name, value };
    }
  }
  return stated;
}

// 7692 §7.1.2.1, §7.1.2.2: a decimal integer from 8 to 15 without leading zeroes.
function parseWindowBits(value: string | null): number | null {
  return value !== null && /^(?:[89]|1[0-5])$/.test(value) ? Number(value) : null;
}

/**
 * Builds an offer or an answer. For each of the two window-bits parameters, the argument is the value. Null means a parameter without a
 * value. With undefined, the parameter is omitted.
 */
export function element(
  { serverNoContextTakeover, clientNoContextTakeover }: DeflateParams,
  serverMaxWindowBits: string | undefined,
  clientMaxWindowBits: string | null | undefined,
): ExtensionOffer {
  const parameters: [string, string | null][] = [];
  if (serverNoContextTakeover) parameters.push(['server_no_context_takeover', null]);
  if (clientNoContextTakeover) parameters.push(['client_no_context_takeover', null]);
  if (serverMaxWindowBits !== undefined) parameters.push(['server_max_window_bits', serverMaxWindowBits]);
  if (clientMaxWindowBits !== undefined) parameters.push(['client_max_window_bits', clientMaxWindowBits]);
  return { name: DEFLATE_EXTENSION, parameters };
}
