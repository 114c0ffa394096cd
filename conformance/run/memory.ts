/**
 * Resident memory of another process, in bytes.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @returns null where there is no such process, or no way to ask */
export function memoryOf(pid: number): number | null {
  try {
    // Linux: resident pages of 4 KiB would depend on the machine, kB do not.
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  } catch {
    // No /proc here, or no such process: ps says which.
  }
  if (process.platform === 'win32') return null;
  try {
    const text = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.trim() === '' ? null : Number(text) * 1024;
  } catch {
    return null;
  }
}
