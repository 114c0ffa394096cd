/**
 * Converts the TLS options of the plugins to Node's `tls` options. The plugins accept paths of files for the certificate and the key, and
 * an OpenSSL cipher list. For the certificate authorities, they accept "NONE", "SYSTEM", PEM text or the path of a file. RFC 6455 §10.6
 * asks a client to verify the server.
 */

import { readFile } from 'node:fs/promises';
import { flag, has, type Properties, text } from './arguments.ts';

/** The TLS settings of a client or server. A command sets all of them together: an option that is absent gets its default. */
export interface TlsSettings {
  readonly enabled: boolean;
  /** The path of a PEM file with the certificate. The library uses the certificate only if `keyFile` is set too. */
  readonly certFile: string;
  readonly keyFile: string;
  /**
   * "SYSTEM", "NONE", PEM certificates as a text, or the path of a file with PEM certificates. '' stands for the default: "SYSTEM" for a
   * client, "NONE" for a server.
   */
  readonly caFile: string;
  /** A cipher list. '' and "DEFAULT" mean the default list of Node.js. */
  readonly ciphers: string;
}

/** The options that both `tls.connect` and `tls.createServer` accept. */
export interface TlsMaterial {
  cert?: Buffer;
  key?: Buffer;
  ca?: Buffer | string;
  ciphers?: string;
  rejectUnauthorized?: boolean;
  requestCert?: boolean;
}

const names = ['tls', 'certFile', 'keyFile', 'caFile', 'ciphers'] as const;

/**
 * Reads the settings of a client. The URL decides whether TLS is used. The option `tls` has no effect on a client. Returns null if no
 * option is given.
 */
export function clientTls(object: Properties): TlsSettings | null {
  return names.some((name) => has(object, name)) ? settings(object) : null;
}

/**
 * Reads the settings of a server. The option `tls` turns TLS on. Without the option `tls`, this function returns null, and the other
 * options have no effect.
 */
export function serverTls(object: Properties): TlsSettings | null {
  return has(object, 'tls') ? settings(object) : null;
}

function settings(object: Properties): TlsSettings {
  return {
    enabled: flag(object, 'tls', false),
    certFile: text(object, 'certFile', ''),
    keyFile: text(object, 'keyFile', ''),
    caFile: text(object, 'caFile', ''),
    ciphers: text(object, 'ciphers', ''),
  };
}

/** @throws the system's error for a file that cannot be read */
export async function clientMaterial(tls: TlsSettings): Promise<TlsMaterial> {
  const material = await common(tls);
  // With "NONE", the application has asked the client to accept any certificate.
  if (tls.caFile === 'NONE') material.rejectUnauthorized = false;
  else await trust(material, tls.caFile);
  return material;
}

/**
 * Reads the files of a server. If `caFile` is absent or "NONE", clients need no certificate. Otherwise every client needs a certificate.
 * @throws the system's error for a file that cannot be read
 */
export async function serverMaterial(tls: TlsSettings): Promise<TlsMaterial> {
  const material = await common(tls);
  if (tls.caFile === '' || tls.caFile === 'NONE') return material;
  material.requestCert = true;
  material.rejectUnauthorized = true;
  await trust(material, tls.caFile);
  return material;
}

async function common({ certFile, keyFile, ciphers }: TlsSettings): Promise<TlsMaterial> {
  const material: TlsMaterial = {};
  if (certFile !== '' && keyFile !== '') {
    material.cert = await readFile(certFile);
    material.key = await readFile(keyFile);
  }
  if (ciphers !== '' && ciphers !== 'DEFAULT') material.ciphers = ciphers;
  return material;
}

async function trust(material: TlsMaterial, caFile: string): Promise<void> {
  // Without `ca`, Node.js trusts its default authorities, and the authorities of NODE_EXTRA_CA_CERTS and --use-system-ca.
  if (caFile === '' || caFile === 'SYSTEM') return;
  material.ca = caFile.includes('-----BEGIN CERTIFICATE-----') ? caFile : await readFile(caFile);
}
