/**
 * Reads the properties of an object as the original plugins do, without conversion of types. If a property has the wrong type, a number
 * counts as 0, a text counts as absent, and a flag counts as false. So no function in this file throws.
 */

import { isBytes, type Message, toBytes } from '../message.ts';

/** An object that a caller has passed. Its properties may have any type. */
export type Properties = Readonly<Record<string, unknown>>;

/** Returns true if the argument of a command is an object. */
export function isObject(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null;
}

/** Returns true if a value is an object, but not an array (in 4D: a collection). */
export function isPlainObject(value: unknown): value is Properties {
  return isObject(value) && !Array.isArray(value);
}

export function has(object: Properties, name: string): boolean {
  return object[name] !== undefined;
}

/** Reads a whole number. The fraction is cut off. */
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

/** Filters a collection (an array of 4D): returns its members of the given type. A single value counts as a collection with one member. */
export function collection<Type extends 'string' | 'number'>(
  value: unknown,
  type: Type,
): (Type extends 'string' ? string : number)[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one === type) as (Type extends 'string' ? string : number)[];
}

/** A value that a program can send: a text, a buffer or view with bytes, or a `Blob`. A `Blob` has to be read first. */
export type Sendable = Message | Blob;

/** Returns a text unchanged, and bytes as a view without a copy. Returns null for any other value. */
export function toSendable(value: unknown): string | Uint8Array | null {
  if (typeof value === 'string') return value;
  return isBytes(value) ? toBytes(value) : null;
}

/**
 * Reads the bytes of a `Blob`. Returns undefined if the `Blob` cannot be read. The command then treats the `Blob` like any other value
 * that cannot be sent.
 */
export function bytesOf(blob: Blob): Promise<Uint8Array | undefined> {
  return blob.arrayBuffer().then(
    (bytes) => new Uint8Array(bytes),
    () => undefined,
  );
}

/** Writes a property if the object accepts the value. Never throws, even if the object is frozen. */
export function write(object: Properties, name: string, value: unknown): void {
  try {
    Reflect.set(object, name, value);
  } catch {
    // A setter of the caller's object has thrown.
  }
}
