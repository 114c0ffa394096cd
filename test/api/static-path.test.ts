/** How a request target becomes the name of a file. 4d/web-server.test.ts and cli/page.test.ts test that the server sends the files. */
import { describe, expect, test } from 'vitest';
import { folderLocation, mediaTypeOf, toNames } from '../../src/api/static-path.ts';

describe('parsing of request targets', () => {
  test('toNames returns the segments of a path without the query, and null for an unsafe or invalid path', () => {
    expect(toNames('/a/b%20c/?d/e#f')).toEqual(['a', 'b c']);
    expect(toNames('/')).toEqual([]);
    expect(toNames('/.well-known/x')).toEqual(['.well-known', 'x']);
    for (const target of ['a', '/..', '/a/%2E', '/a:b', '/a%5cb', '/%0a', '/%ff', '*', 'http://h/a']) {
      expect(toNames(target), target).toBe(null);
    }
  });

  test('mediaTypeOf uses the last extension of a name, and folderLocation adds a slash after the path and keeps the query', () => {
    expect(mediaTypeOf('a.b.JS')).toBe('text/javascript; charset=utf-8');
    expect(mediaTypeOf('constructor')).toBe('application/octet-stream');
    expect(folderLocation(['a', 'é'], '/a/é?b')).toBe('/a/%C3%A9/?b');
  });
});
