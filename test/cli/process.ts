/**
 * Runs the command line as a separate process. Tests can start this process, read its output and stop it. At the end of a test file, each
 * process that still runs is killed.
 */
import {
  type ChildProcessWithoutNullStreams,
  type SpawnOptionsWithoutStdio,
  spawn,
} from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export const root: string = fileURLToPath(new URL('../..', import.meta.url));
const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Returns the path of a file in test/fixtures/tls. */
export function tlsFixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));
}

export function readFixture(name: string): Buffer {
  return readFileSync(tlsFixture(name));
}

/** A running process. It collects the output of the process. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  stdout = '';
  stderr = '';
  /** The exit code, or the name of the signal that ended the process. */
  readonly exit: Promise<number | string>;
  #waiting: (() => void)[] = [];

  constructor(command: string, args: readonly string[], options: SpawnOptionsWithoutStdio = {}) {
    this.child = spawn(command, args, { cwd: root, ...options });
    this.child.stdin.on('error', () => {});
    this.child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.stdout += chunk;
      this.#tell();
    });
    this.child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      this.stderr += chunk;
      this.#tell();
    });
    this.exit = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        resolve(code ?? signal ?? -1);
        this.#tell();
      });
    });
    this.exit.catch(() => {});
  }

  #tell(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Waits until the output matches the pattern. Throws if the process ends earlier. */
  async output(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this[stream]);
      if (found !== null) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        await this.exit;
        const late = pattern.exec(this[stream]);
        if (late !== null) return late;
        throw new Error(`ended without ${pattern}:\n${this.stdout}\n${this.stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
}

const running = new Set<Running>();
afterAll(async () => {
  for (const { child } of running) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  }
  await Promise.allSettled([...running].map(({ exit }) => exit));
});

/** Starts the command. Its input stays open. */
export function start(...args: string[]): Running {
  return track(new Running(process.execPath, [main, ...args]));
}

/** Registers a process. If it still runs at the end of the test file, it is killed. */
export function track(started: Running): Running {
  running.add(started);
  return started;
}

/** Runs the command until it ends. */
export async function run(
  args: readonly string[],
  input = '',
): Promise<{ exit: number | string; stdout: string; stderr: string }> {
  const started = start(...args);
  started.child.stdin.end(input);
  const exit = await started.exit;
  return { exit, stdout: started.stdout, stderr: started.stderr };
}

/** Starts `serve` on a free port. @returns the process and the URL of the server */
export async function serve(...args: string[]): Promise<{ readonly server: Running; readonly url: string }> {
  const server = start('serve', '--port', '0', ...args);
  const [, url = ''] = await server.output(/^listening on (\S+)\n/);
  return { server, url };
}

/** Ends a process in the same way as Ctrl-C. @returns the exit code of the process */
export function interrupt({ child, exit }: Running): Promise<number | string> {
  child.kill('SIGINT');
  return exit;
}
