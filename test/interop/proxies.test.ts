/**
 * Tests the blocks of docs/guides/proxies.md for nginx, Apache, HAProxy and Caddy. Our server must accept a page through each proxy.
 * Another test removes the line for Host. The proxies are packages of Debian. Each proxy forwards to a separate server.
 */
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import { HandshakeError } from '../../src/handshake/error.ts';
import { blockOf, haproxy, nginx, nginxConfig, type ProxyKind, RunningProxy } from './proxy.ts';

interface Case extends ProxyKind {
  /** True if our server accepts pages even if the lines for Host are missing. */
  readonly passesHost: boolean;
  /** The language of the block of code for this proxy on the page. */
  readonly language: string;
  /** @param block the block of the guide, with the address of the tested server */
  config(block: string, port: number, folder: string): string;
}

const proxies: Readonly<Record<string, Case>> = {
  nginx: {
    ...nginx,
    language: 'nginx',
    passesHost: false,
    config: (block, port, folder) => nginxConfig(folder, `server {\n listen 127.0.0.1:${port};\n ${block} }`),
  },
  apache: {
    command: 'apache2',
    package: 'apache2',
    language: 'apache',
    passesHost: false,
    arguments: (folder) => ['-X', '-f', join(folder, 'config')],
    config: (block, port, folder) => `
      ServerRoot /usr/lib/apache2
      ServerName localhost
      PidFile ${folder}/pid
      ErrorLog ${folder}/error.log
      Listen 127.0.0.1:${port}
      LoadModule mpm_event_module modules/mod_mpm_event.so
      LoadModule authz_core_module modules/mod_authz_core.so
      LoadModule proxy_module modules/mod_proxy.so
      LoadModule proxy_http_module modules/mod_proxy_http.so
      User www-data
      Group www-data
      ${block}`,
  },
  haproxy: {
    ...haproxy,
    language: 'haproxy',
    passesHost: true,
    config: (block, port) => block.replace('bind :80', `bind 127.0.0.1:${port}`),
  },
  caddy: {
    command: 'caddy',
    package: 'caddy',
    language: 'caddyfile',
    passesHost: true,
    arguments: (folder) => ['run', '--config', join(folder, 'config'), '--adapter', 'caddyfile'],
    config: (block, port) => `{
  admin off
  auto_https off
}
${block.replace('www.example.com {', `http://127.0.0.1:${port} {\n  bind 127.0.0.1`)}`,
  },
};

const withoutHost = (block: string): string => block.replace(/^.*Host (?:On|\$http_host;).*\n/m, '');

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startProxy(name: string, target: number, edit = (block: string) => block): Promise<number> {
  const kind = proxies[name]!;
  const block = edit(blockOf('guides/proxies.md', kind.language)).replaceAll(
    '127.0.0.1:8080',
    `127.0.0.1:${target}`,
  );
  const proxy = await RunningProxy.start(kind, (port, folder) => kind.config(block, port, folder));
  ends.push(() => proxy.end());
  return proxy.port;
}

async function startServer(refused: (error: HandshakeError) => void): Promise<number> {
  const server = new WebSocketServer({
    message: (connection, message) => void connection.send(message),
    refused,
  });
  const { port } = await server.listen();
  ends.push(() => server.shutdown({ grace: 100 }));
  return port;
}

describe.each(Object.keys(proxies))('a page behind %s', (name) => {
  const proxy = proxies[name]!;

  test('FAULT-0: our server accepts a page through a proxy with the configuration of the guide, and messages arrive in both directions', async () => {
    const port = await startProxy(name, await startServer(() => {}));
    const origin = `http://127.0.0.1:${port}`;
    const connection = await connect(`ws://127.0.0.1:${port}/chat`, { origin });
    connection.send('through the proxy');
    for await (const message of connection) {
      expect(message).toBe('through the proxy');
      break;
    }
    expect(await connection.close()).toMatchObject({ code: 1000, wasClean: true });
  });

  test('FAULT-0: our server still refuses a page of another site through the proxy', async () => {
    const port = await startProxy(name, await startServer(() => {}));
    const dialed = connect(`ws://127.0.0.1:${port}/chat`, { origin: 'http://evil.example' });
    await expect(dialed).rejects.toMatchObject({ status: 403 });
  });

  // The other proxies pass on Host by default.
  if (proxy.passesHost) return;
  test('FAULT-0: if the proxy does not pass on Host, our server answers 403, and the error names Origin and Host', async () => {
    const refusals: HandshakeError[] = [];
    const target = await startServer((error) => refusals.push(error));
    const port = await startProxy(name, target, withoutHost);
    const origin = `http://127.0.0.1:${port}`;
    const dialed = connect(`ws://127.0.0.1:${port}/chat`, { origin });
    await expect(dialed).rejects.toMatchObject({ status: 403 });
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toBeInstanceOf(HandshakeError);
    const { message } = refusals[0]!;
    for (const part of [origin, `127.0.0.1:${target}`, 'origins', 'Host']) expect(message).toContain(part);
  });
});
