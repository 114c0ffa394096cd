/**
 * `FourDError`: what the 4D surface throws, and what `onError` gets in `errors`. 4D documents the members of an error, and of
 * its numbers one; the others are ours.
 */

/** Name → number. Only -10718 is 4D's. */
export const fourDErrors = {
  /** The path of a new `WebSocketServer` is served already. */
  DUPLICATE_PATH: -10718,
  /** A handler is not there, or lacks its mandatory callback. */
  NO_HANDLER: 1,
  /** The web server that a `WebSocketServer` needs is not started; or it is, and should not be. */
  WEB_SERVER: 2,
  /** A callback threw, or its Promise was rejected. */
  CALLBACK: 3,
  /** With dataType "object": a message that is no JSON. */
  BAD_JSON: 4,
  /** With dataType "text" or "object": bytes that are no UTF-8. */
  BAD_TEXT: 5,
  /** The connection failed: the peer broke a rule, or its socket did. That TCP ends without a Close frame is no error. */
  CONNECTION: 6,
  /** A client found no connection. */
  CANNOT_CONNECT: 7,
  /** A Blob that was to be sent could not be read. */
  UNREADABLE_BLOB: 8,
  /** `send` had taken messages that could not be sent: there was no connection, or it ended before. */
  NOT_SENT: 9,
  /** A callback has not ended, so that others wait for it. */
  SLOW_CALLBACK: 10,
} as const;

export type FourDErrorName = keyof typeof fourDErrors;

/** An error as 4D describes it: `errCode`, `message`, `componentSignature`. 4D: WebSocketServer, `onError`, `errors`. */
export class FourDError extends Error {
  override readonly name = 'FourDError';
  /** The number of `fourDErrors`. */
  readonly errCode: number;
  /** Who reports it; always 'wsjs'. */
  readonly componentSignature: string = 'wsjs';

  /** @param options its `cause` is what was thrown, or the `ProtocolError`, `ConnectionError` or `HandshakeError` */
  constructor(name: FourDErrorName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errCode = fourDErrors[name];
  }
}

/** What was thrown or reported, as a `FourDError`; one that is thrown is left as it is. */
export function toFourDError(name: FourDErrorName, thrown: unknown): FourDError {
  if (thrown instanceof FourDError) return thrown;
  return new FourDError(name, textOf(thrown), { cause: thrown });
}

function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    // An object without a way to become a string.
    return 'something was thrown that has no text';
  }
}
