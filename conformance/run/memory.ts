/**
 * Measures the resident memory of another process.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @returns the resident memory in bytes, or null if it cannot be measured */
export function memoryOf(pid: number): number | null {
  try {
    // On Linux, VmRSS is in kB. Other files of /proc count pages, whose size depends on the machine.
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    if (kibibytes !== undefined) return Number(kibibytes) * 1024;
  } catch {
    // This system has no /proc, or there is no such process. ps shows whether the process exists.
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
