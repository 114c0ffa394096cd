/** Says whether the size of memory may change while we use it. No event reports such a change. */
export function isResizable(buffer: ArrayBufferLike): boolean {
  const { resizable, growable } = buffer as { readonly resizable?: boolean; readonly growable?: boolean };
  return resizable === true || growable === true;
}
