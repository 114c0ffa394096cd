/** Returns true if the size of an ArrayBuffer may change later. No event reports a change. */
export function isResizable(buffer: ArrayBufferLike): boolean {
  const { resizable, growable } = buffer as { readonly resizable?: boolean; readonly growable?: boolean };
  return resizable === true || growable === true;
}
