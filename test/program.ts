/** Starts a program in the same way as a user. Provides its output, the address on which it listens, and its exit status. */
import { type ChildProcess, spawn } from 'node:child_process';

const running = new Set<ChildProcess>();

/** A program that is running or has ended. */
export interface Program {
  readonly child: ChildProcess;
  /** Resolves with the address in the line `listening on …` of the program. */
  readonly listening: Promise<string>;
  readonly ended: Promise<{ status: number | null; output: string }>;
  /** Returns true if the program has already written this text. */
  hasWritten(text: string): boolean;
}

/** @param path the path of the file below `folder` @param env variables that are added to the environment of the test */
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

/** Kills every program that is still running. Call it in `afterEach`. */
export function killPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}
