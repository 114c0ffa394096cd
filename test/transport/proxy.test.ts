/** Tests which proxy a client uses, and the contents of the request to the proxy. No test opens a socket. */
import { describe, expect, test } from 'vitest';
import { parseTarget } from '../../src/handshake/client.ts';
import { type ConnectProxy, chooseProxy, formatConnect, formatProxy } from '../../src/transport/proxy.ts';

const target = parseTarget('ws://origin.example/');

function connectProxy(option: string): ConnectProxy {
  const proxy = chooseProxy(option, target);
  if (proxy?.kind !== 'connect') throw new Error(`not a proxy for CONNECT: ${option}`);
  return proxy;
}

describe('O4, O5: the proxy that the option `proxy` names', () => {
  test.each([
    ['http://proxy.example', 'proxy.example', 80, false],
    ['https://proxy.example', 'proxy.example', 443, true],
    ['http://proxy.example:3128/', 'proxy.example', 3128, false],
    ['http://[::1]:3128', '::1', 3128, false],
  ])(
    'chooseProxy returns the proxy for the option "%s", as a string and as a URL object',
    (url, hostname, port, secure) => {
      for (const option of [url, new URL(url)]) {
        expect(chooseProxy(option, target)).toEqual({
          kind: 'connect',
          secure,
          hostname,
          port,
          authorization: null,
        });
      }
    },
  );

  test('without the option proxy, chooseProxy returns no proxy, even if the environment names one', () => {
    expect(chooseProxy(undefined, target, { http_proxy: 'http://proxy.example' })).toBeNull();
  });

  test('the credentials of a proxy URL are decoded for Proxy-Authorization, and the text that names the proxy omits them', () => {
    const proxy = connectProxy('http://us%40er:p%3Ass@proxy.example:3128');
    const value = `Basic ${Buffer.from('us@er:p:ss').toString('base64')}`;
    expect(proxy.authorization).toBe(value);
    expect(formatConnect(proxy, target)).toBe(
      `CONNECT origin.example:80 HTTP/1.1\r\nHost: origin.example:80\r\nProxy-Authorization: ${value}\r\n\r\n`,
    );
    expect(formatProxy(proxy)).toBe('proxy http://proxy.example:3128');
  });

  test('the CONNECT request and the text that names a proxy have an IPv6 address in brackets', () => {
    const proxy = connectProxy('https://[2001:db8::1]:8443');
    expect(formatProxy(proxy)).toBe('proxy https://[2001:db8::1]:8443');
    expect(formatConnect(proxy, parseTarget('wss://[::1]/'))).toBe(
      'CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n',
    );
  });

  test.each([
    ['http://user:100%@proxy.example', 'WS_PROXY_CREDENTIALS'],
    ['http://%zz@proxy.example', 'WS_PROXY_CREDENTIALS'],
    ['http://user:%ff@proxy.example', 'WS_PROXY_CREDENTIALS'],
    ['socks4://proxy.example', 'WS_PROXY_URL'],
    ['socks://proxy.example', 'WS_PROXY_URL'],
    ['socks5://', 'WS_PROXY_URL'],
    ['socks5://user@proxy.example', 'WS_PROXY_CREDENTIALS'],
    [`socks5://user:${'p'.repeat(256)}@proxy.example`, 'WS_PROXY_CREDENTIALS'],
    ['socks5://user:%ff@proxy.example', 'WS_PROXY_CREDENTIALS'],
    ['proxy.example:3128', 'WS_PROXY_URL'],
    ['', 'WS_PROXY_URL'],
  ])('FAULT-10: the option %j is refused with %s', (option, code) => {
    let thrown: unknown = null;
    try {
      chooseProxy(option, target);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code, stage: 'proxy' });
    expect(String(thrown)).not.toMatch(/100%|zz|%ff/);
  });
});

test('O4: the environment may name one proxy for ws URLs, another for wss URLs or one for all, and the hosts that need no proxy', () => {
  const via = (environment: Record<string, string>, url: string): number | null =>
    chooseProxy('env', parseTarget(url), environment)?.port ?? null;
  const both = { http_proxy: 'http://p:1', https_proxy: 'http://p:2', all_proxy: 'http://p:3' };
  expect([via(both, 'ws://a/'), via(both, 'wss://a/')]).toEqual([1, 2]);
  expect(via({ all_proxy: 'p:3' }, 'wss://a/')).toBe(3);
  expect(via({}, 'ws://a/')).toBeNull();
  const no_proxy = 'other, .b.example, [::1]:80 c.example:81';
  for (const [url, port] of [
    ['ws://b.example/', null],
    ['ws://a.b.example/', null],
    ['ws://ab.example/', 3],
    ['ws://[::1]/', null],
    ['ws://[::1]:82/', 3],
    ['ws://c.example:81/', null],
    ['ws://c.example/', 3],
  ] as const) {
    expect([url, via({ all_proxy: 'p:3', no_proxy }, url)]).toEqual([url, port]);
  }
});
