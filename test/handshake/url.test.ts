import { expect, test } from 'vitest';
import { parseUrl } from '../../src/handshake/url.ts';

test('U4: a host with U+00FC is a host, however often it is asked for', () => {
  // Often enough for V8 to optimize: URL.canParse of Node 20 changes its mind then.
  const text = 'ws://m\u00fcnchen.example/';
  for (let times = 0; times < 30_000; times++) {
    if (parseUrl(text)?.host !== 'xn--mnchen-3ya.example') expect.fail(`wrong after ${times} times`);
  }
});

test('O1: what is no absolute URL is null', () => {
  for (const text of ['', '/path', 'ws:', 'ws://', 'ws://[::1', 'ws://a:b/', '//example.com/']) {
    expect(parseUrl(text), text).toBeNull();
  }
});
