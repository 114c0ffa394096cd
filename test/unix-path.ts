/** Paths for Unix domain sockets in tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/**
 * Returns a path for a Unix domain socket in a new folder. A new folder contains no old socket of a killed process. The folder is removed
 * after the test.
 */
export function unixPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rfc6455-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'socket');
}
