/**
 * Negotiation of permessage-deflate: RFC 7692 §5, §7 and §7.1. Pure: offers and answers in, parameters out.
 * The grammar of the header field, and that an answer was offered at all, is handshake/; what the parameters do to the
 * bytes is codec.ts. Names are compared letter by letter: neither RFC says that the case of extension tokens is ignored.
 */
import type { ExtensionOffer } from '../handshake/extension.ts';
import { type DeflateRefusalCode, deflateRefusal } from './refusal.ts';

/** The extension's name in Sec-WebSocket-Extensions (RFC 7692 §7). */
const deflateExtension = 'permessage-deflate';

/** What an application asks for, on a server as on a client. */
export interface DeflateConfig {
  /** The server forgets each message that it compressed: less memory, larger messages. @default false */
  readonly serverNoContextTakeover?: boolean;
  /** The same for the client. @default false */
  readonly clientNoContextTakeover?: boolean;
  /** The server's window is 2 to this power, at most; 8 to 15. @default 15 */
  readonly serverMaxWindowBits?: number;
  /**
   * The same for the client. On a server it is a wish: a client whose offer lacks `client_max_window_bits` can't be
   * limited, and 15 holds for it. @default 15
   */
  readonly clientMaxWindowBits?: number;
}

/** What was agreed (RFC 7692 §7.1). Who sends may always use a smaller window, or none of its context. */
export interface DeflateParams {
  readonly serverNoContextTakeover: boolean;
  /** On a client also true where it was only announced: see `confirmDeflate`. */
  readonly clientNoContextTakeover: boolean;
  /** 8 to 15 */
  readonly serverMaxWindowBits: number;
  /** 8 to 15. On a client also what was only announced: see `confirmDeflate`. */
  readonly clientMaxWindowBits: number;
}

/** What a server answers, and what holds from then on. */
export interface DeflateAcceptance {
  readonly answer: ExtensionOffer;
  readonly params: DeflateParams;
}

/**
 * Checks what an application asks for. Offering and accepting check it too; this is for the time when options are read.
 * @throws TypeError for anything that is no object, flag or number
 * @throws RangeError for window bits that are no integer from 8 to 15
 */
export function checkDeflateConfig(config: DeflateConfig): void {
  withDefaults(config);
}

function withDefaults(config: DeflateConfig): DeflateParams {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new TypeError('The parameters of permessage-deflate are not an object');
  }
  return {
    serverNoContextTakeover: checkedFlag('serverNoContextTakeover', config.serverNoContextTakeover),
    clientNoContextTakeover: checkedFlag('clientNoContextTakeover', config.clientNoContextTakeover),
    serverMaxWindowBits: checkedBits('serverMaxWindowBits', config.serverMaxWindowBits),
    clientMaxWindowBits: checkedBits('clientMaxWindowBits', config.clientMaxWindowBits),
  };
}

function checkedFlag(name: string, value: boolean = false): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${name} is ${String(value)}, not true or false`);
  return value;
}

function checkedBits(name: string, value = 15): number {
  if (typeof value !== 'number') throw new TypeError(`${name} is ${String(value)}, not a number`);
  if (!Number.isInteger(value) || value < 8 || value > 15) {
    throw new RangeError(`${name} is ${value}, not an integer from 8 to 15`);
  }
  return value;
}

/** What one offer or one answer says. */
interface Stated {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  /** null: not stated */
  serverMaxWindowBits: number | null;
  /** null: not stated. In an offer, 15 for the parameter without a value, which means the same. */
  clientMaxWindowBits: number | null;
}

/** Why an offer or an answer is not one of permessage-deflate. */
interface Fault {
  readonly code: DeflateRefusalCode;
  readonly name: string;
  readonly value: string | null;
}

/*
 * 7692 §7: with one parameter that is undefined, repeated or has an invalid value, the whole element counts for nothing.
 *
 *   parameter                      value in an offer      value in an answer
 *   server_no_context_takeover     none                   none
 *   client_no_context_takeover     none                   none
 *   server_max_window_bits         8 to 15                8 to 15
 *   client_max_window_bits         none, or 8 to 15       8 to 15
 */
function readParameters(element: ExtensionOffer, role: 'offer' | 'answer'): Stated | Fault {
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
    // A switch, not a table to look names up in: "constructor" is no parameter.
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
 * What a client offers: one element, which is all that the configuration allows.
 * @throws TypeError, RangeError as `checkDeflateConfig`
 */
export function offerDeflate(config: DeflateConfig): ExtensionOffer[] {
  return [offerOf(withDefaults(config))];
}

/*
 *   config                            offered
 *   serverNoContextTakeover           server_no_context_takeover: the server has to obey, or to decline
 *   clientNoContextTakeover           client_no_context_takeover: a hint, and a promise
 *   serverMaxWindowBits = N < 15      server_max_window_bits=N: the server has to obey, or to decline
 *   clientMaxWindowBits = 15          client_max_window_bits: the server may set a limit
 *   clientMaxWindowBits = N < 15      client_max_window_bits=N: the same, and a promise
 */
function offerOf(wanted: DeflateParams): ExtensionOffer {
  const { serverMaxWindowBits: server, clientMaxWindowBits: client } = wanted;
  return element(wanted, server < 15 ? String(server) : undefined, client < 15 ? String(client) : null);
}

/** An element with the window bits as given: null is the parameter without a value, undefined is no parameter. */
function element(
  { serverNoContextTakeover, clientNoContextTakeover }: DeflateParams,
  serverMaxWindowBits: string | undefined,
  clientMaxWindowBits: string | null | undefined,
): ExtensionOffer {
  const parameters: [string, string | null][] = [];
  if (serverNoContextTakeover) parameters.push(['server_no_context_takeover', null]);
  if (clientNoContextTakeover) parameters.push(['client_no_context_takeover', null]);
  if (serverMaxWindowBits !== undefined) parameters.push(['server_max_window_bits', serverMaxWindowBits]);
  if (clientMaxWindowBits !== undefined) parameters.push(['client_max_window_bits', clientMaxWindowBits]);
  return { name: deflateExtension, parameters };
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
    if (offer.name !== deflateExtension) continue;
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

/**
 * What a client makes of the server's answer to `offerDeflate(config)`. What the client promised by its offer it keeps,
 * even if the answer does not mention it: `clientNoContextTakeover` and `clientMaxWindowBits` hold for its own sending.
 * @param answers all extensions that were answered; those with other names are skipped, the handshake checks that they were offered
 * @returns null if the server declined
 * @throws HandshakeError (stage 'extensions', a `DeflateRefusalCode`) for an answer that the offer does not allow
 * @throws TypeError, RangeError as `checkDeflateConfig`
 */
export function confirmDeflate(
  answers: readonly ExtensionOffer[],
  config: DeflateConfig,
): DeflateParams | null {
  const offer = offerOf(withDefaults(config));
  const [answer, second] = answers.filter(({ name }) => name === deflateExtension);
  // 7692 §5: the response holds at most the one element that was accepted.
  if (second !== undefined) throw deflateRefusal('WS_DEFLATE_REPEATED', deflateExtension);
  return answer === undefined ? null : confirmDeflateAnswer(answer, offer);
}

/**
 * As `confirmDeflate`, for one answer to an offer that was written by hand.
 * @throws HandshakeError as `confirmDeflate`
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
 *   -         stated   true: a client has to cope
 *   offered   stated   true
 *   offered   -        fail: to accept the offer would have been to state it
 *
 * client_no_context_takeover, 7692 §7.1.1.2
 *   offer     answer   client
 *   -         -        false
 *   -         stated   true: a client MUST support it unasked
 *   offered   either   true: said once, it is done
 *
 * server_max_window_bits, 7692 §7.1.2.1
 *   offer     answer   client
 *   -         -        15
 *   -         M        M
 *   N         M ≤ N    M
 *   N         M > N    fail
 *   N         -        fail: absent means 15, and to accept would have been to state it
 *
 * client_max_window_bits, 7692 §7.1.2.2; offered without a value, N is 15
 *   offer     answer   client
 *   -         -        15
 *   -         M        fail
 *   N         -        N: the server would take more, we said that we don't
 *   N         M ≤ N    M
 *   N         M > N    fail: the RFC lets a server ignore N, or state the same or less; more is neither
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

/** The answered window bits, at most the offered ones; where the answer is silent, the offered ones. */
function within(name: string, stated: number | null, offered: number | null): number {
  const limit = offered ?? 15;
  if (stated === null) return limit;
  if (stated > limit) throw deflateRefusal('WS_DEFLATE_WINDOW_TOO_LARGE', name, String(stated));
  return stated;
}
