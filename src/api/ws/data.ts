/**
 * Converts the data of `send`, `ping` and `pong` to bytes. Converts received messages to the values that a `message` listener receives (RFC
 * 6455 §5.6).
 */

/** Stands for empty data. Empty data is always this object: programs may compare with `===`. */
export const EMPTY_BUFFER: Buffer = Buffer.alloc(0);

/**
 * The value that a `message` listener receives. With the binary type 'blob' the value is a Blob, which this type omits, as in the
 * declarations of `ws`.
 */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** The form in which a `message` listener receives a binary message. */
export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'fragments' | 'blob';

export const binaryTypes: readonly BinaryType[] = ['nodebuffer', 'arraybuffer', 'fragments', 'blob'];

/** A payload that is ready to be sent. */
export interface Payload {
  /** Text, or bytes of a text or binary message. */
  readonly data: string | Uint8Array;
  /** Whether the payload is sent as a binary message if the option `binary` is absent. */
  readonly isBinary: boolean;
}

/**
 * Converts the data of `send`. A string or a number becomes text; undefined, null and false become an empty binary message. Bytes are not
 * copied. Any other value is passed to `Buffer.from`.
 * @throws {TypeError} as `Buffer.from` does
 */
export function toPayload(data: unknown): Payload {
  if (typeof data === 'string') return { data, isBinary: false };
  if (typeof data === 'number') return { data: String(data), isBinary: false };
  if (data === undefined || data === null || data === false) return { data: EMPTY_BUFFER, isBinary: true };
  return { data: viewOf(data), isBinary: true };
}

/** Converts data in the same way as `toPayload`, but always to bytes. @throws {TypeError} as `toPayload` does */
export function toBytes(data: unknown): Uint8Array {
  const payload = toPayload(data).data;
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

function viewOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  // `byteLength` is used, because `length` would be the number of elements.
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.from(data as ArrayBuffer);
}

/** Returns the number of bytes of data. `bufferedAmount` also counts the data of `send` calls while closing or closed. */
export function sizeOf(data: unknown): number {
  if (data instanceof Blob) return data.size;
  return data ? toBytes(data).length : 0;
}

/** Converts a binary message to the form that the application asked for. */
export function inForm(payload: Buffer, binaryType: BinaryType): Buffer | ArrayBuffer | Buffer[] | Blob {
  switch (binaryType) {
    case 'arraybuffer':
      return toArrayBuffer(payload);
    // The library joins the payloads of the frames before this function is called, so the array always has one element.
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
