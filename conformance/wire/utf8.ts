/**
 * The UTF-8 check of the judge (this test program), byte by byte, as RFC 3629 defines UTF-8.
 */

/** Returns the range of the second byte after this first byte. The third and the fourth byte are always in the range 80 to BF. */
function secondRange(first: number): readonly [number, number] {
  switch (first) {
    case 0xe0:
      return [0xa0, 0xbf];
    case 0xed:
      return [0x80, 0x9f];
    case 0xf0:
      return [0x90, 0xbf];
    case 0xf4:
      return [0x80, 0x8f];
    default:
      return [0x80, 0xbf];
  }
}

/** Returns true if the bytes are valid UTF-8 and end with a complete character. */
export function isUtf8(bytes: Uint8Array): boolean {
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i]!;
    i += 1;
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    const further = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (i + further > bytes.length) return false;
    const [low, high] = secondRange(first);
    if (bytes[i]! < low || bytes[i]! > high) return false;
    for (let k = 1; k < further; k++) if ((bytes[i + k]! & 0xc0) !== 0x80) return false;
    i += further;
  }
  return true;
}
