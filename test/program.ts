/** Starts a program as a user would, and provides its output, the address on which it listens, and how it ended. */
import { type ChildProcess, spawn } from 'node:child_process';

const running = new Set<ChildProcess>();

/** A program that runs or has ended. */
export interface Program {
  readonly child: ChildProcess;
  /** The address in its line `listening on …`. */
  readonly listening: Promise<string>;
  readonly ended: Promise<{ status: number | null; output: string }>;
  /** Waits until the program has written this. */
  hasWritten(text: string): boolean;
}

/** @param path of the file, below `folder` @param env variables that are added to the environment of the test */
export function startProgram(
  folder: string,
  path: string,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Program {
  const child = spawn(process.execPath, [path, ...args], {
    cwd: folder,
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  let found: (url: string) => void = () => {};
  const listening = new Promise<string>((resolve) => {
    found = resolve;
  });
  const collect = (chunk: Buffer): void => {
    output += chunk;
    const line = /^listening on (\S+)$/m.exec(output);
    if (line?.[1] !== undefined) found(line[1]);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  const ended = new Promise<{ status: number | null; output: string }>((resolve) => {
    child.on('close', (status) => {
      running.delete(child);
      resolve({ status, output });
    });
  });
  return { child, listening, ended, hasWritten: (text) => output.includes(text) };
}

/** Kills every program that still runs, for `afterEach`. */
export function killPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}
