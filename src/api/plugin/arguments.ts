/**
 * Reads the properties of an object as the plugins do: by type, without conversion. A value of the wrong type counts as 0 (number), as
 * absent (text), or as false (flag). So no function in this file throws.
 */

import { isBytes, type Message, toBytes } from '../message.ts';

/** An object with properties of any type, as a caller passed it. */
export type Properties = Readonly<Record<string, unknown>>;

/** Whether the argument of a command is an object. */
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

/** Returns the members of a collection that have this type. A single value counts as a collection with one member. */
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
 * Reads the bytes of a `Blob`. Returns undefined if the `Blob` cannot be read. A command treats undefined like any value that cannot be
 * sent.
 */
export function bytesOf(blob: Blob): Promise<Uint8Array | undefined> {
  return blob.arrayBuffer().then(
    (bytes) => new Uint8Array(bytes),
    () => undefined,
  );
}

/** Writes a property if the object accepts the value. Never throws, although the object may be frozen. */
export function write(object: Properties, name: string, value: unknown): void {
  try {
    Reflect.set(object, name, value);
  } catch {
    // The caller's object may have a setter that throws.
  }
}
