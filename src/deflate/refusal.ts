/**
 * Lists every possible fault of a server's answer to an offer of permessage-deflate. Only a client uses this table: each fault fails the
 * opening handshake (RFC 7692 §5, §7). A server needs no table: if an offer has a fault, the server declines this offer, and the handshake
 * continues.
 */
import { HandshakeError, type HandshakeStage } from '../handshake/error.ts';

/** One possible fault of a server's answer. */
export interface DeflateRefusal {
  readonly stage: HandshakeStage;
  /** RFC number and section, such as `'7692 §7'`. */
  readonly section: string;
  /** The fixed part of the error's message. `deflateRefusal` adds the parameter. */
  readonly text: string;
}

/** Every possible fault of a server's answer. Each key is a value of `HandshakeError.code`. */
export const deflateRefusals = {
  WS_DEFLATE_REPEATED: {
    stage: 'extensions',
    section: '7692 §5',
    text: 'The server accepted permessage-deflate more than once',
  },
  WS_DEFLATE_PARAMETER_UNKNOWN: {
    stage: 'extensions',
    section: '7692 §7',
    text: 'The server answered permessage-deflate with a parameter that is not defined',
  },
  WS_DEFLATE_PARAMETER_REPEATED: {
    stage: 'extensions',
    section: '7692 §7',
    text: 'The server answered permessage-deflate with a parameter twice',
  },
  WS_DEFLATE_CONTEXT_VALUE: {
    stage: 'extensions',
    section: '7692 §7.1.1',
    text: 'The server gave a value to a parameter of permessage-deflate that must not have a value',
  },
  WS_DEFLATE_WINDOW_VALUE: {
    stage: 'extensions',
    section: '7692 §7.1.2',
    text: 'The server answered permessage-deflate with window bits that are not a decimal from 8 to 15',
  },
  WS_DEFLATE_PARAMETER_MISSING: {
    stage: 'extensions',
    section: '7692 §7.1',
    text: 'The server accepted permessage-deflate, but left out a parameter that the client required',
  },
  WS_DEFLATE_WINDOW_TOO_LARGE: {
    stage: 'extensions',
    section: '7692 §7.1.2',
    text: 'The server answered permessage-deflate with more window bits than were offered',
  },
  WS_DEFLATE_PARAMETER_NOT_OFFERED: {
    stage: 'extensions',
    section: '7692 §7.1.2.2',
    text: 'The server answered permessage-deflate with a parameter that the client must offer first, but did not offer',
  },
} as const;

/** A key of `deflateRefusals`. */
export type DeflateRefusalCode = keyof typeof deflateRefusals;

/** An error message shows at most this number of characters of a text from the peer. */
const shown = 64;

/**
 * Returns the error for a fault of the table.
 * @param parameter the name of the invalid parameter, as the peer sent it. The error message contains an escaped, shortened copy
 * @param value the value of the parameter, or null if it has no value. `HandshakeError.value` contains name and value unchanged
 */
export function deflateRefusal(
  code: DeflateRefusalCode,
  parameter: string,
  value: string | null = null,
): HandshakeError {
  const { stage, section, text }: DeflateRefusal = deflateRefusals[code];
  const sent = value === null ? parameter : `${parameter}=${value}`;
  return new HandshakeError(code, `${text}: ${JSON.stringify(sent.slice(0, shown))} (${section})`, {
    stage,
    value: sent,
  });
}
