/**
 * Reads the properties of an object as the plugins do: by type, without conversion. If a number is expected, a value of another type is
 * read as 0; if a text is expected, as absent; if a flag is expected, as false. So no function here throws, no matter what a caller passes.
 */

import { isBytes, type Message, toBytes } from '../message.ts';

/** An object with properties of any type, as a caller passed it. */
export type Properties = Readonly<Record<string, unknown>>;

/** Whether a command was given an object at all. */
export function isObject(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null;
}

/** Whether a property is an object, but not a collection. */
export function isPlainObject(value: unknown): value is Properties {
  return isObject(value) && !Array.isArray(value);
}

export function has(object: Properties, name: string): boolean {
  return object[name] !== undefined;
}

/** A whole number; the fraction is cut off. */
export function integer(object: Properties, name: string, fallback: number): number {
  const value = object[name];
  if (value === undefined) return fallback;
  return typeof value === 'number' && !Number.isNaN(value) ? Math.trunc(value) : 0;
}

export function text(object: Properties, name: string, fallback: string): string {
  const value = object[name];
  return typeof value === 'string' ? value : fallback;
}

export function flag(object: Properties, name: string, fallback: boolean): boolean {
  const value = object[name];
  return value === undefined ? fallback : value === true;
}

/** The members of a collection that have the right type; a single value counts as a collection of one. */
export function collection<Type extends 'string' | 'number'>(
  value: unknown,
  type: Type,
): (Type extends 'string' ? string : number)[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one === type) as (Type extends 'string' ? string : number)[];
}

/** A value that a program can send: a text, bytes in any type, or a `Blob`, which has to be read first. */
export type Sendable = Message | Blob;

/** Returns a text, or the bytes without copying them; null for any other value. */
export function toSendable(value: unknown): string | Uint8Array | null {
  if (typeof value === 'string') return value;
  return isBytes(value) ? toBytes(value) : null;
}

/** The bytes of a `Blob`; undefined if it cannot be read, which a command treats like any other value that cannot be sent. */
export function bytesOf(blob: Blob): Promise<Uint8Array | undefined> {
  return blob.arrayBuffer().then(
    (bytes) => new Uint8Array(bytes),
    () => undefined,
  );
}

/** Writes a property if that is possible, and never throws: the object may be frozen. */
export function write(object: Properties, name: string, value: unknown): void {
  try {
    Reflect.set(object, name, value);
  } catch {
    // The caller's object may have a setter that throws.
  }
}
