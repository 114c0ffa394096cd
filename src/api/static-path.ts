/**
 * Computes the name of the file that a request asks for, and the media type of the file. This file reads nothing from the disk;
 * static-server.ts does.
 */

/** Media types by the file's extension. */
const mediaTypes: ReadonlyMap<string, string> = new Map([
  ['css', 'text/css; charset=utf-8'],
  ['gif', 'image/gif'],
  ['htm', 'text/html; charset=utf-8'],
  ['html', 'text/html; charset=utf-8'],
  ['ico', 'image/x-icon'],
  ['jpeg', 'image/jpeg'],
  ['jpg', 'image/jpeg'],
  ['js', 'text/javascript; charset=utf-8'],
  ['json', 'application/json'],
  ['mjs', 'text/javascript; charset=utf-8'],
  ['pdf', 'application/pdf'],
  ['png', 'image/png'],
  ['svg', 'image/svg+xml'],
  ['txt', 'text/plain; charset=utf-8'],
  ['wasm', 'application/wasm'],
  ['webp', 'image/webp'],
  ['woff2', 'font/woff2'],
]);

export function mediaTypeOf(name: string): string {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return mediaTypes.get(ending) ?? 'application/octet-stream';
}

/**
 * Returns the names of the folders and of the file that a request names, from the root folder on. For the root folder itself, the list is
 * empty. Returns null for a hidden file, "..", a name with a separator, and an invalid target: such files are not served.
 * @param target the target of the request
 */
export function toNames(target: string): readonly string[] | null {
  const mark = target.search(/[?#]/);
  const path = mark === -1 ? target : target.slice(0, mark);
  if (!path.startsWith('/')) return null;
  const names: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '') continue;
    let name: string;
    try {
      name = decodeURIComponent(segment);
    } catch {
      return null;
    }
    // A name with a leading dot is ".." or a hidden file. On Windows, a name with a colon may name a drive or a stream of a file.
    if (name.startsWith('.') && name !== '.well-known') return null;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression looks for control characters.
    if (/[/\\:\u0000-\u001f]/.test(name)) return null;
    names.push(name);
  }
  return names;
}

/**
 * Returns the Location of the redirect for a folder that was requested without a slash at the end. The Location begins with one slash,
 * since `//name/` would mean another host.
 */
export function folderLocation(names: readonly string[], target: string): string {
  const mark = target.indexOf('?');
  const query = mark === -1 ? '' : target.slice(mark);
  return `/${names.map((name) => encodeURIComponent(name)).join('/')}/${query}`;
}
