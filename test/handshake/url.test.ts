import { expect, test } from 'vitest';
import { parseUrl } from '../../src/handshake/url.ts';

test('U4: parseUrl accepts a host with U+00FC, even after 30,000 calls', () => {
  // The loop makes V8 optimize the code. In Node 20, URL.canParse then returns another result.
  const text = 'ws://m\u00fcnchen.example/';
  for (let times = 0; times < 30_000; times++) {
    if (parseUrl(text)?.host !== 'xn--mnchen-3ya.example') expect.fail(`wrong after ${times} times`);
  }
});

test('O1: parseUrl returns null for a text that is not an absolute URL', () => {
  for (const text of ['', '/path', 'ws:', 'ws://', 'ws://[::1', 'ws://a:b/', '//example.com/']) {
    expect(parseUrl(text), text).toBeNull();
  }
});
