/**
 * Lists every fault that a server's answer to an offer of permessage-deflate can have. The table has the code of each fault, with its
 * stage, section and text. Only a client uses the table: it fails the opening handshake (RFC 7692 §5, §7). If a client's offer is wrong,
 * the server declines the offer, and the handshake continues.
 */
import { HandshakeError, type HandshakeStage } from '../handshake/error.ts';

/** One rule for the answer of a server. */
export interface DeflateRefusal {
  readonly stage: HandshakeStage;
  /** RFC number and section, such as `'7692 §7'`. */
  readonly section: string;
  /** The fixed part of the error's message. `deflateRefusal` adds the parameter. */
  readonly text: string;
}

/** Every rule for the answer of a server. Each key is a value of `HandshakeError.code`. */
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
    text: 'The server gave a value to a parameter of permessage-deflate that takes none',
  },
  WS_DEFLATE_WINDOW_VALUE: {
    stage: 'extensions',
    section: '7692 §7.1.2',
    text: 'The server answered permessage-deflate with window bits that are not a decimal from 8 to 15',
  },
  WS_DEFLATE_PARAMETER_MISSING: {
    stage: 'extensions',
    section: '7692 §7.1',
    text: 'The server accepted permessage-deflate, but left out a parameter that it was asked to obey',
  },
  WS_DEFLATE_WINDOW_TOO_LARGE: {
    stage: 'extensions',
    section: '7692 §7.1.2',
    text: 'The server answered permessage-deflate with more window bits than were offered',
  },
  WS_DEFLATE_PARAMETER_NOT_OFFERED: {
    stage: 'extensions',
    section: '7692 §7.1.2.2',
    text: 'The server answered permessage-deflate with a parameter that needs to be offered, and was not',
  },
} as const;

/** The code of a rule in `deflateRefusals`. */
export type DeflateRefusalCode = keyof typeof deflateRefusals;

/** The maximum number of characters that an error message shows of a text from the peer. */
const shown = 64;

/**
 * Returns the error for a row of the table.
 * @param parameter the name of the invalid parameter, as the peer sent it. In the message, the name is quoted, escaped and cut
 * @param value the value of the parameter, or null if it has no value. `HandshakeError.value` has name and value as the peer sent them
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
