/**
 * A client under test as a command of the shell.
 */

import { spawn } from 'node:child_process';

/** Puts values into a command: `node echo.js {url} {agent}`. */
function fill(command: string, values: Readonly<Record<string, string>>): string {
  return command.replace(/\{(\w+)\}/g, (all, name: string) => {
    const value = values[name];
    if (value === undefined) return all;
    return /^[\w.:/@-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
  });
}

/**
 * Runs a command to its end; the signal kills it, and what it started.
 * @throws {Error} where it fails
 */
export function startCommand(
  command: string,
  values: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // A group of its own: the shell is killed together with what it runs.
    const detached = process.platform !== 'win32';
    const child = spawn(fill(command, values), {
      shell: true,
      stdio: ['ignore', 'ignore', 'inherit'],
      detached,
    });
    const kill = (): void => {
      if (child.pid === undefined) return;
      if (detached) process.kill(-child.pid, 'SIGKILL');
      else child.kill('SIGKILL');
    };
    signal.addEventListener('abort', kill, { once: true });
    child.once('error', reject);
    child.once('close', (code, name) => {
      signal.removeEventListener('abort', kill);
      if (code === 0) resolve();
      else reject(new Error(`the client's command ended with ${code === null ? name : `exit code ${code}`}`));
    });
  });
}
