/** The file that a request target names. 4d/web-server.test.ts and cli/page.test.ts test that the files are served. */
import { describe, expect, test } from 'vitest';
import { folderLocation, mediaTypeOf, toNames } from '../../src/api/static-path.ts';

describe('parsing of request targets', () => {
  test('toNames returns the names of a path without its query, and null for an unsafe or invalid path', () => {
    expect(toNames('/a/b%20c/?d/e#f')).toEqual(['a', 'b c']);
    expect(toNames('/')).toEqual([]);
    expect(toNames('/.well-known/x')).toEqual(['.well-known', 'x']);
    for (const target of ['a', '/..', '/a/%2E', '/a:b', '/a%5cb', '/%0a', '/%ff', '*', 'http://h/a']) {
      expect(toNames(target), target).toBe(null);
    }
  });

  test('mediaTypeOf returns the type for the last extension, and folderLocation adds a slash before the query', () => {
    expect(mediaTypeOf('a.b.JS')).toBe('text/javascript; charset=utf-8');
    expect(mediaTypeOf('constructor')).toBe('application/octet-stream');
    expect(folderLocation(['a', 'é'], '/a/é?b')).toBe('/a/%C3%A9/?b');
  });
});
