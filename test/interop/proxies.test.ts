/**
 * docs/guides/proxies.md: the blocks that it shows for nginx, Apache, HAProxy and Caddy let a page in, and what happens without
 * their line for Host. The proxies are Debian's, each in front of a server of its own.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/api/client.ts';
import { WebSocketServer } from '../../src/api/server.ts';
import { HandshakeError } from '../../src/handshake/error.ts';
import { freePort } from '../free-port.ts';

interface Proxy {
  readonly command: string;
  readonly package: string;
  /** Whether pages are let in without those lines. */
  readonly passesHost: boolean;
  arguments(folder: string): readonly string[];
  /** @param block the guide's, with the address of the server that is tested */
  config(folder: string, port: number, block: string): string;
}

const proxies: Readonly<Record<string, Proxy>> = {
  nginx: {
    command: 'nginx',
    package: 'nginx-light',
    passesHost: false,
    arguments: (folder) => ['-p', folder, '-c', join(folder, 'config'), '-g', 'daemon off;'],
    config: (folder, port, block) => `
      pid ${folder}/pid;
      error_log stderr;
      events {}
      http {
        access_log off;
        ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
        server {
          listen 127.0.0.1:${port};
          ${block}
        }
      }`,
  },
  apache: {
    command: 'apache2',
    package: 'apache2',
    passesHost: false,
    arguments: (folder) => ['-X', '-f', join(folder, 'config')],
    config: (folder, port, block) => `
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
    command: 'haproxy',
    package: 'haproxy',
    passesHost: true,
    arguments: (folder) => ['-db', '-f', join(folder, 'config')],
    config: (_folder, port, block) => block.replace('bind :80', `bind 127.0.0.1:${port}`),
  },
  caddy: {
    command: 'caddy',
    package: 'caddy',
    passesHost: true,
    arguments: (folder) => ['run', '--config', join(folder, 'config'), '--adapter', 'caddyfile'],
    config: (_folder, port, block) => `{
  admin off
  auto_https off
}
${block.replace('www.example.com {', `http://127.0.0.1:${port} {\n  bind 127.0.0.1`)}`,
  },
};

const guide = readFileSync(new URL('../../docs/guides/proxies.md', import.meta.url), 'utf8');

/** The block that the guide shows for a proxy. */
function blockOf(name: string): string {
  const language = name === 'caddy' ? 'caddyfile' : name;
  const [, block] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(guide) ?? [];
  if (block === undefined) throw new Error(`the guide shows nothing for ${name}`);
  return block;
}

const withoutHost = (block: string): string => block.replace(/^.*Host (?:On|\$http_host;).*\n/m, '');

const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Waits until the proxy listens; fails if it ends before. */
async function untilListening(proxy: ChildProcess, port: number, output: () => string): Promise<void> {
  for (;;) {
    if (proxy.exitCode !== null) throw new Error(`the proxy ended: ${output()}`);
    const isListening = await new Promise<boolean>((resolve) => {
      const socket = connectTcp(port, '127.0.0.1');
      socket.on('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.on('error', () => resolve(false));
    });
    if (isListening) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function startProxy(name: string, target: number, edit = (block: string) => block): Promise<number> {
  const proxy = proxies[name]!;
  const block = edit(blockOf(name)).replaceAll('127.0.0.1:8080', `127.0.0.1:${target}`);
  const found = spawnSync('which', [proxy.command], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  if (found.status !== 0)
    throw new Error(`the proxies' tests need Debian's packages: apt-get install ${proxy.package}`);
  const folder = mkdtempSync(join(tmpdir(), 'rfc6455-proxy-'));
  const port = await freePort();
  writeFileSync(join(folder, 'config'), proxy.config(folder, port, block));
  const child = spawn(String(found.stdout).trim(), proxy.arguments(folder), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: folder },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  const exit = once(child, 'exit');
  ends.push(async () => {
    child.kill('SIGTERM');
    await exit;
    rmSync(folder, { recursive: true, force: true });
  });
  await untilListening(child, port, () => output);
  return port;
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

describe.each(Object.keys(proxies))('%s', (name) => {
  const proxy = proxies[name]!;

  test('FAULT-0: with the block of the guide a page is let in, and messages go both ways', async () => {
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

  test('FAULT-0: a page of another site is refused all the same', async () => {
    const port = await startProxy(name, await startServer(() => {}));
    const dialed = connect(`ws://127.0.0.1:${port}/chat`, { origin: 'http://evil.example' });
    await expect(dialed).rejects.toMatchObject({ status: 403 });
  });

  // The others pass Host on without being asked.
  if (proxy.passesHost) return;
  test('FAULT-0: without its line for Host a page gets 403, and the refusal names Origin, Host and the remedy', async () => {
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
