/**
 * Runs a client under test as a command of the shell.
 */

import { spawn } from 'node:child_process';

/** Replaces the placeholders of a command by values, for example in `node echo.js {url} {agent}`. */
function fill(command: string, values: Readonly<Record<string, string>>): string {
  return command.replace(/\{(\w+)\}/g, (all, name: string) => {
    const value = values[name];
    if (value === undefined) return all;
    return /^[\w.:/@-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
  });
}

/**
 * Runs a command, and resolves when the command has ended. If the signal aborts, the command and all processes that it started are killed.
 * @throws {Error} if the command fails
 */
export function startCommand(
  command: string,
  values: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    // The shell becomes the leader of a new process group. So a kill ends the shell together with the processes that it runs.
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
