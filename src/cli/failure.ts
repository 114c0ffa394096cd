/**
 * Creates the errors that the command line reports to its user in one line. Any other error is a fault of this program, and Node.js prints
 * it with the stack.
 */

import { HandshakeError } from '../index.ts';
import { escapeText } from './escape.ts';

/** If a command throws this error, the program prints one line on stderr and exits with `exitCode`. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  /** The exit code of the process: 1 if something went wrong, 2 if the command was called with invalid arguments. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2, options?: ErrorOptions) {
    super(escapeText(message), options);
    this.exitCode = exitCode;
  }
}

/** Creates a failure with exit code 1: the arguments are valid, but the command failed. */
export function failure(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(message, 1, { cause });
}

/** Creates a failure with exit code 2: the command was called with invalid arguments. */
export function misuse(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(message, 2, { cause });
}

/** Returns the `code` of an error, such as 'ENOENT', or '' if the error has no code. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/**
 * Returns the text of an error. Removes the system call and the path, which Node adds to a system error: `ENOENT: no such file or
 * directory`.
 */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const text = error.message === '' ? codeOf(error) || error.name : error.message;
  return codeOf(error).startsWith('E') ? text.replace(/^(E[A-Z0-9]+: [^,]*),.*$/s, '$1') : text;
}

/** Returns a failure that says why a server cannot listen. @param where the host and port that the user gave */
export function listenFailure(
  error: unknown,
  where: { readonly host: string; readonly port: number },
): CommandFailure {
  const { host, port } = where;
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return failure(`port ${port} on ${host} is in use`, error);
    case 'EACCES':
      return failure(`port ${port} on ${host} may not be used: permission denied`, error);
    case 'EADDRNOTAVAIL':
      return failure(`${host} is not an address of this machine`, error);
    case 'ENOTFOUND':
      return failure(`host ${host} was not found`, error);
    default:
      return failure(`cannot listen on port ${port} of ${host}: ${textOf(error)}`, error);
  }
}

/** The maximum number of bytes that the text shows from the body of a refusal. */
const SHOWN_BODY = 200;

/** Returns a failure that says why a client could not connect. */
export function connectFailure(error: unknown): CommandFailure {
  // The library throws these errors for invalid options, before it sends anything.
  if (error instanceof TypeError || error instanceof RangeError) return misuse(error.message, error);
  if (!(error instanceof HandshakeError)) return failure(`cannot connect: ${textOf(error)}`, error);
  const { code, stage, status, body } = error;
  if (stage === 'url') return failure(error.message, error);
  if (code === 'ECONNREFUSED') return failure(`the connection was refused: ${error.message}`, error);
  const answer = status === 0 ? '' : ` (status ${status}${body.length === 0 ? '' : `: ${excerpt(body)}`})`;
  // `answer` shows the status, so the status is removed from the message. The library's message names the option tls.ca of the library. The
  // user needs the option --ca of this command instead.
  const message = error.message.replace(`: status ${status}`, '').replace('the option tls.ca', '--ca FILE');
  const text = message.includes(code) || code.startsWith('WS_') ? message : `${message} (${code})`;
  return failure(`cannot connect, ${stage}: ${text}${answer}`, error);
}

function excerpt(body: Buffer): string {
  const text = body.toString('utf8', 0, SHOWN_BODY).trim();
  return body.length > SHOWN_BODY ? `${text} …` : text;
}
