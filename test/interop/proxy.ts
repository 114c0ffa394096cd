/**
 * Runs proxies that are packages of Debian. Each proxy is a process that forwards to our servers. Its configuration comes from a page of
 * docs/.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';

/** Describes how to run one kind of proxy. */
export interface ProxyKind {
  readonly command: string;
  /** The name of the package in Debian. */
  readonly package: string;
  arguments(folder: string): readonly string[];
}

export const nginx: ProxyKind = {
  command: 'nginx',
  package: 'nginx-light',
  arguments: (folder) => ['-p', folder, '-c', join(folder, 'config'), '-g', 'daemon off;'],
};

/** Returns a configuration of nginx. @param http the contents of the block `http` */
export function nginxConfig(folder: string, http: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    pid ${folder}/pid;
    error_log stderr;
    events {}
    http {
      access_log off;
      ${paths.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')}
      ${http}
    }`;
}

export const haproxy: ProxyKind = {
  command: 'haproxy',
  package: 'haproxy',
  arguments: (folder) => ['-db', '-f', join(folder, 'config')],
};

/** Returns the first block of code in this language on a page. @param page the path of the page below docs/ */
export function blockOf(page: string, language: string): string {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  const [, block] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'm').exec(text) ?? [];
  if (block === undefined) throw new Error(`docs/${page} shows nothing for ${language}`);
  return block;
}

/** A running proxy. */
export class RunningProxy {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), 'rfc6455-proxy-'));
  readonly #config: (port: number, folder: string) => string;
  #child!: ChildProcess;
  #output = '';

  private constructor(port: number, config: (port: number, folder: string) => string) {
    this.port = port;
    this.#config = config;
  }

  /** @param config returns the whole configuration for the port on which the proxy listens */
  static async start(
    kind: ProxyKind,
    config: (port: number, folder: string) => string,
  ): Promise<RunningProxy> {
    const found = spawnSync('which', [kind.command], {
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    if (found.status !== 0)
      throw new Error(`the proxies' tests need Debian's packages: apt-get install ${kind.package}`);
    const proxy = new RunningProxy(await freePort(), config);
    await proxy.#start(String(found.stdout).trim(), kind.arguments(proxy.folder));
    return proxy;
  }

  async #start(command: string, args: readonly string[]): Promise<void> {
    this.write((config) => config);
    const env = { ...process.env, HOME: this.folder };
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.#output += chunk;
      });
    }
    await this.#untilListening();
  }

  /** Waits until the proxy accepts connections. Throws if the process of the proxy ends earlier. */
  async #untilListening(): Promise<void> {
    for (;;) {
      if (this.#child.exitCode !== null) throw new Error(`the proxy ended: ${this.#output}`);
      const isListening = await new Promise<boolean>((resolve) => {
        const socket = connectTcp(this.port, '127.0.0.1');
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

  /** Changes the configuration with `edit`, and writes it to the file that the next `reload` reads. */
  write(edit: (config: string) => string): void {
    writeFileSync(join(this.folder, 'config'), edit(this.#config(this.port, this.folder)));
  }

  /** Makes nginx read its configuration again. */
  reload(): void {
    this.#child.kill('SIGHUP');
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) {
      const exit = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await exit;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
