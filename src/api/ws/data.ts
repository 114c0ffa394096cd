/**
 * Converts the data of `send`, `ping` and `pong` to bytes. Converts received messages (RFC 6455 §5.6) to the values that a `message`
 * listener receives.
 */

/** Represents all empty data. It is always the same object, so that programs can compare with `===`. */
export const EMPTY_BUFFER: Buffer = Buffer.alloc(0);

/**
 * The value that a `message` listener receives. With the binary type 'blob', the listener receives a Blob. But the type `RawData` does not
 * contain Blob, as in the declarations of `ws`.
 */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** The form in which a `message` listener receives a binary message. */
export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob';

export const binaryTypes: readonly BinaryType[] = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'];

/** A payload that is ready to be sent. */
export interface Payload {
  /** The text, or the bytes of a text or binary message. */
  readonly data: string | Uint8Array;
  /** True if the payload is sent as a binary message. The option `binary` of `send` can override this. */
  readonly isBinary: boolean;
}

/**
 * Converts the data of `send`:
 * - A string or a number becomes text.
 * - undefined, null and false become an empty binary message.
 * - Bytes are used without a copy.
 * - Any other value is passed to `Buffer.from`.
 * @throws {TypeError} if `Buffer.from` throws it
 */
export function toPayload(data: unknown): Payload {
  if (typeof data === 'string') return { data, isBinary: false };
  if (typeof data === 'number') return { data: String(data), isBinary: false };
  if (data === undefined || data === null || data === false) return { data: EMPTY_BUFFER, isBinary: true };
  return { data: viewOf(data), isBinary: true };
}

/** Converts the data of `send` to bytes. Text becomes UTF-8. @throws {TypeError} if `toPayload` throws it */
export function toBytes(data: unknown): Uint8Array {
  const payload = toPayload(data).data;
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

function viewOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  // `length` would be the number of elements of a typed array, so `byteLength` is used.
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as ArrayBuffer);
}

/**
 * Returns the number of bytes of data that cannot be sent, because the connection is closing or closed. `bufferedAmount` counts these bytes
 * too.
 */
export function sizeOf(data: unknown): number {
  if (data instanceof Blob) return data.size;
  return data ? toBytes(data).length : 0;
}

/** Converts a binary message to the form that the application has chosen with `binaryType`. */
export function inForm(payload: Buffer, binaryType: BinaryType): Buffer | ArrayBuffer | Buffer[] | Blob {
  switch (binaryType) {
    case 'arraybuffer':
      return toArrayBuffer(payload);
    // The frames of the message have already been joined. So the array always has one element.
    case 'fragments':
      return [payload];
    case 'blob':
      return new Blob([payload as Buffer<ArrayBuffer>]);
    default:
      return payload;
  }
}

function toArrayBuffer({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  if (byteLength === buffer.byteLength) return buffer as ArrayBuffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}
