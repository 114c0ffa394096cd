/**
 * Defines `FourDError`, the class of the errors that the 4D API throws, and that `onError` receives in `errors`. 4D documents the members
 * of an error, but only one error number. We chose the other numbers.
 */

/** The number of each error, by its name. Only -10718 comes from 4D. */
export const fourDErrors = {
  /** The path of a new `WebSocketServer` is already the path of another server. */
  DUPLICATE_PATH: -10718,
  /** The handler (the object with the callbacks) is missing, or lacks its mandatory callback. */
  NO_HANDLER: 1,
  /**
   * One of these happened:
   * - A web server is needed, but is not started.
   * - The web server has failed.
   * - `start` was called while the web server was stopping.
   * - `start` was called with settings while the web server was running.
   */
  WEB_SERVER: 2,
  /** A callback threw, or its Promise was rejected. */
  CALLBACK: 3,
  /** The dataType is "object", and a message is not JSON. */
  BAD_JSON: 4,
  /** The dataType is "text" or "object", and the bytes of a message are not UTF-8. */
  BAD_TEXT: 5,
  /** The peer broke a rule of the protocol, or the socket failed. The end of TCP without a Close frame is not an error. */
  CONNECTION: 6,
  /** A client could not connect. */
  CANNOT_CONNECT: 7,
  /** A Blob that was passed to `send` could not be read. */
  UNREADABLE_BLOB: 8,
  /** Messages that `send` had accepted were not sent, because the connection failed or ended first. */
  NOT_SENT: 9,
  /** A callback has not ended in time, and other callbacks wait for it. */
  SLOW_CALLBACK: 10,
} as const;

export type FourDErrorName = keyof typeof fourDErrors;

/** An error with the members that 4D documents: `errCode`, `message`, `componentSignature`. 4D: WebSocketServer, `onError`, `errors`. */
export class FourDError extends Error {
  override readonly name = 'FourDError';
  /** The number of this error in `fourDErrors`. */
  readonly errCode: number;
  /** The component that reports the error; always 'wsjs'. */
  readonly componentSignature: string = 'wsjs';

  /** @param options `cause` is the value that a callback threw, or the error of the native API, such as `ProtocolError` */
  constructor(name: FourDErrorName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errCode = fourDErrors[name];
  }
}

/** Converts a thrown or reported value to a `FourDError`; a `FourDError` is returned unchanged. */
export function toFourDError(name: FourDErrorName, thrown: unknown): FourDError {
  if (thrown instanceof FourDError) return thrown;
  return new FourDError(name, textOf(thrown), { cause: thrown });
}

function textOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    // The object cannot be converted to a string.
    return 'something was thrown that has no text';
  }
}
