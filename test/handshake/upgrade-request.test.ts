/** Tests the data that an application can read from a request: header fields, cookies, and parameters of the query. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifyRequest } from '../../src/handshake/server.ts';
import type { UpgradeRequest } from '../../src/handshake/upgrade-request.ts';
import { type Changes, prototypeKeys, request } from './samples.ts';

const ask = (changes: Changes, target = '/'): UpgradeRequest =>
  verifyRequest(request(changes, { target }), { origins: 'any' });

describe('the header fields of an upgrade request', () => {
  test('FAULT-7: header() joins the lines of Cookie with "; ", joins the lines of a list with ", ", and otherwise returns the first line', () => {
    const upgrade = ask({
      Cookie: ['a=1', 'b=2'],
      'X-Forwarded-For': ['10.0.0.1', '10.0.0.2'],
      Authorization: ['Basic one', 'Basic two'],
      'User-Agent': ['one', 'two'],
    });
    expect(
      ['cookie', 'x-forwarded-for', 'AUTHORIZATION', 'User-Agent', 'X-Absent'].map((name) =>
        upgrade.header(name),
      ),
    ).toEqual(['a=1; b=2', '10.0.0.1, 10.0.0.2', 'Basic one', 'one', null]);
    expect(upgrade.headerValues('User-Agent')).toEqual(['one', 'two']);
  });
});

describe('the cookies of an upgrade request', () => {
  test('names of Object.prototype are ordinary names of cookies', () => {
    const { cookies } = ask({ Cookie: [prototypeKeys.map((name) => `${name}=x`).join('; ')] });
    expect([...cookies.keys()]).toEqual(prototypeKeys);
  });

  test('`cookies` contains all valid cookies, from one line or from several lines', () => {
    const name = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/);
    const value = fc.stringMatching(/^[!#-+\--:<-[\]-~]*$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, minLength: 1 }),
        fc.nat(),
        (pairs, cut) => {
          const texts = pairs.map(([key, text]) => `${key}=${text}`);
          const at = cut % texts.length;
          const lines = [texts.slice(0, at), texts.slice(at)].filter((part) => part.length > 0);
          const { cookies } = ask({ Cookie: lines.map((part) => part.join('; ')) });
          expect([...cookies]).toEqual(pairs);
        },
      ),
    );
  });

  test('A10: reading `cookies` never throws, whatever Cookie field a client sends', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)) }),
        (text) => {
          for (const [name, value] of ask({ Cookie: [text] }).cookies)
            expect(name + value).not.toContain(';');
        },
      ),
    );
  });
});

test('`searchParams` contains the parameters of the query, and parses the query only once', () => {
  const upgrade = ask({}, '/chat?room=a%20b&room=c+d&%zz=1');
  expect([...upgrade.searchParams]).toEqual([
    ['room', 'a b'],
    ['room', 'c d'],
    ['%zz', '1'],
  ]);
  expect(upgrade.searchParams).toBe(upgrade.searchParams);
});
