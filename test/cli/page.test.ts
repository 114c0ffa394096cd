import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { page } from '../../src/cli/page.ts';
import { createPageServer, type PageServer } from '../../src/cli/page-server.ts';

let server: PageServer;
let address: AddressInfo;
beforeAll(async () => {
  server = await createPageServer(null);
  address = await server.listen(0, '127.0.0.1');
});
afterAll(() => server.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function ask(method: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = address;
    const asked = request({ method, path, port, host: '127.0.0.1', agent: false }, async (response) => {
      const chunks: Buffer[] = await response.toArray();
      resolve({
        status: response.statusCode,
        headers: response.headers,
        body: Buffer.concat(chunks).toString(),
      });
    });
    asked.on('error', reject).end();
  });
}

test('GET / returns the page, whether the request target has a query or not', async () => {
  for (const path of ['/', '/?a=b']) {
    const { status, headers, body } = await ask('GET', path);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(body).toBe(page.html);
    expect(headers['content-length']).toBe(String(Buffer.byteLength(body)));
  }
});

test('the answer to HEAD / has the same header fields as the answer to GET, and no body', async () => {
  const { date: _date, ...headers } = (await ask('GET', '/')).headers;
  const { status, body, headers: head } = await ask('HEAD', '/');
  expect({ status, body }).toEqual({ status: 200, body: '' });
  expect(head).toMatchObject(headers);
});

test("the Content-Security-Policy allows only the page's own script, style and server", async () => {
  const { headers, body } = await ask('GET', '/');
  const policy = new Map(
    String(headers['content-security-policy'])
      .split('; ')
      .map((rule) => [rule.slice(0, rule.indexOf(' ')), rule.slice(rule.indexOf(' ') + 1)]),
  );
  const hashOf = (tag: string): string => {
    const [, content = ''] = new RegExp(`<${tag}>([\\s\\S]*)</${tag}>`).exec(body) ?? [];
    return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
  };
  expect(policy.get('default-src')).toBe("'none'");
  expect(policy.get('script-src')).toBe(hashOf('script'));
  expect(policy.get('style-src')).toBe(hashOf('style'));
  expect(policy.get('connect-src')).toBe("'self'");
  expect(policy.get('frame-ancestors')).toBe("'none'");
  expect(policy.get('require-trusted-types-for')).toBe("'script'");
});

test('the page server answers 404 to a path other than /, and 405 to a method other than GET and HEAD', async () => {
  for (const path of ['/index.html', '/favicon.ico', '//', '/..%2f']) {
    expect((await ask('GET', path)).status).toBe(404);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers } = await ask(method, '/');
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' });
  }
});

test('if its port is in use, the page server rejects with the code EADDRINUSE', async () => {
  const second = await createPageServer(null);
  await expect(second.listen(address.port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test('the page requests no resource from other servers, and displays messages as text', () => {
  expect(page.html).not.toMatch(/https?:\/\/|@import|url\(/);
  expect(page.script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function\(/);
});
