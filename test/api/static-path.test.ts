/** Which file a request asks for. That the files are served is tested where they are: 4d/web-server.test.ts, cli/page.test.ts. */
import { describe, expect, test } from 'vitest';
import { folderLocation, mediaTypeOf, toNames } from '../../src/api/static-path.ts';

describe('names of files are parsed', () => {
  test('toNames', () => {
    expect(toNames('/a/b%20c/?d/e#f')).toEqual(['a', 'b c']);
    expect(toNames('/')).toEqual([]);
    expect(toNames('/.well-known/x')).toEqual(['.well-known', 'x']);
    for (const target of ['a', '/..', '/a/%2E', '/a:b', '/a%5cb', '/%0a', '/%ff', '*', 'http://h/a']) {
      expect(toNames(target), target).toBe(null);
    }
  });

  test('mediaTypeOf and folderLocation', () => {
    expect(mediaTypeOf('a.b.JS')).toBe('text/javascript; charset=utf-8');
    expect(mediaTypeOf('constructor')).toBe('application/octet-stream');
    expect(folderLocation(['a', 'é'], '/a/é?b')).toBe('/a/%C3%A9/?b');
  });
});
