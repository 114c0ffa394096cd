/**
 * Converts the path of a request to the path of a file, and returns the media type of the file. The code here does not read the disk.
 * static-server.ts reads the disk.
 */

/** The media type for each file extension. */
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
 * Returns the names of the folders and of the file in the path of a request, beginning below the root folder. The list is empty for the
 * root folder itself. Returns null if the file must not be served: a hidden file, "..", a name with a separator, or an invalid target.
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
    // A name that begins with a dot is ".." or a hidden file. On Windows, a name with a colon can mean a drive, or a stream of a file.
    if (name.startsWith('.') && name !== '.well-known') return null;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression looks for control characters.
    if (/[/\\:\u0000-\u001f]/.test(name)) return null;
    names.push(name);
  }
  return names;
}

/**
 * Returns the Location for a redirect. A folder was requested without a slash at the end, and the redirect adds it. The Location begins
 * with one slash, because `//name/` would mean another host.
 */
export function folderLocation(names: readonly string[], target: string): string {
  const mark = target.indexOf('?');
  const query = mark === -1 ? '' : target.slice(mark);
  return `/${names.map((name) => encodeURIComponent(name)).join('/')}/${query}`;
}
