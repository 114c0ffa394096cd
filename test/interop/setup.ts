/**
 * Prepares the interop tests. It checks that the Debian packages with the languages and libraries of the peers are installed, and builds
 * the peer in Go. If a package is missing, the run fails and names the package. No test is skipped.
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The version of the Python library websockets, such as "10.4". */
    pythonVersion: string;
    /** The path of the built Go program. */
    goPeer: string;
    /** The version of the Go library gorilla/websocket, such as "1.5.0". */
    goVersion: string;
  }
}

const gorilla = 'golang-github-gorilla-websocket-dev';

function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv, packages: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  if (status === 0) return stdout.trim();
  throw new Error(
    `${command} ${args.join(' ')}: ${error?.message ?? stderr}\nThe interop tests need Debian's packages: apt-get install ${packages}`,
  );
}

export function setup(project: TestProject): () => void {
  // The test uses the python3 of Debian, even if the machine has another python3.
  const version = 'import websockets; print(websockets.__version__)';
  project.provide('pythonVersion', run('/usr/bin/python3', ['-c', version], {}, 'python3-websockets'));

  const folder = mkdtempSync(join(tmpdir(), 'rfc6455-interop-'));
  const peer = join(folder, 'peer');
  const source = fileURLToPath(new URL('go/peer.go', import.meta.url));
  try {
    // Go uses only the libraries of Debian, and downloads no module.
    const env = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' };
    run('go', ['build', '-o', peer, source], env, `golang-go ${gorilla}`);
    project.provide('goPeer', peer);
    const status = run('dpkg-query', ['--status', gorilla], {}, gorilla);
    project.provide('goVersion', /^Version: ([\d.]+)/m.exec(status)?.[1] ?? '');
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  return () => rmSync(folder, { recursive: true });
}
