/** The certificates of test/fixtures/tls. README.md in that folder describes each certificate. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('../fixtures/tls/', import.meta.url);

function read(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8');
}

/** The path of the certificate of the test CA. */
export const caFile: string = fileURLToPath(new URL('ca-cert.pem', folder));
export const ca: string = read('ca-cert.pem');

/** Returns a certificate and its key for a server. */
export function certificate(name: 'localhost' | 'wrong-host' | 'expired' | 'self-signed'): {
  readonly cert: string;
  readonly key: string;
} {
  return { cert: read(`${name}-cert.pem`), key: read(`${name}-key.pem`) };
}

/** Returns the paths of a certificate and its key. */
export function certificateFiles(name: 'localhost'): { readonly cert: string; readonly key: string } {
  const path = (file: string): string => fileURLToPath(new URL(file, folder));
  return { cert: path(`${name}-cert.pem`), key: path(`${name}-key.pem`) };
}
