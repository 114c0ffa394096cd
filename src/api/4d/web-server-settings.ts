/**
 * Specifies and checks the settings of a `WebServer`, and reads the certificate that the settings name. Some settings have other names in
 * 4D.
 */

import { promises as files } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostOption, portOption } from '../address-options.ts';
import { callback, custom, readOptions, type SpecsOf, show, type ValuesOf } from '../option-spec.ts';

/** The settings of a `WebServer`: its address, its content and its certificate. 4D: WebServer, `.start()`. */
export interface WebServerSettings {
  /** The address to listen on. In 4D, this is `IPAddressToListen`, and the default is all addresses. @default '127.0.0.1' */
  readonly host?: string | undefined;
  /**
   * The port. 0 means any free port. 4D has two settings for it: `HTTPPort` (without TLS) and `HTTPSPort` (with TLS).
   * @default 8080; 8443 with TLS
   */
  readonly port?: number | undefined;
  /** The server serves the files of this folder. 4D: `rootFolder`. @default none */
  readonly rootFolder?: string | undefined;
  /** The file that is served if a request names a folder. 4D: `defaultHomepage`. @default 'index.html' */
  readonly defaultHomepage?: string | undefined;
  /**
   * Answers the HTTP requests. Cannot be used together with `rootFolder`. If the function throws, the answer is 500, and the error becomes
   * a process warning.
   */
  readonly onRequest?: ((request: IncomingMessage, response: ServerResponse) => unknown) | undefined;
  /** Enables TLS with the files `cert.pem` and `key.pem` of this folder. 4D: `certificateFolder`. @default no TLS */
  readonly certificateFolder?: string | undefined;
  /** The certificate for TLS: a PEM text, or the path of a PEM file. */
  readonly cert?: string | Buffer | undefined;
  /** The private key of the certificate: a PEM text, or the path of a PEM file. */
  readonly key?: string | Buffer | undefined;
}

/** The settings with their defaults. */
export type WebServerValues = ValuesOf<
  WebServerSettings,
  'port' | 'rootFolder' | 'onRequest' | 'certificateFolder' | 'cert' | 'key'
>;

/**
 * Specifies the settings of a `WebServer`. If a program passes such a setting to a `WebSocketServer`, the error text says that the setting
 * belongs to the `WebServer`.
 */
export const webServerSpecs: SpecsOf<WebServerSettings, WebServerValues> = {
  host: hostOption({
    default: '127.0.0.1',
    text: 'The address to listen on. In 4D, this is `IPAddressToListen`, whose default is every address.',
  }),
  port: portOption({
    defaultText: '8080; 8443 with TLS',
    text: 'The port to listen on; 0 chooses a free port. 4D has two settings for it: `HTTPPort` (without TLS) and `HTTPSPort` (with TLS).',
  }),
  rootFolder: custom(
    'a path',
    { text: 'The server serves the files of this folder. In 4D, this is `rootFolder`.' },
    checkText,
  ),
  defaultHomepage: custom(
    'a file name',
    {
      default: 'index.html',
      text: 'The file that is served for a folder. In 4D, this is `defaultHomepage`.',
    },
    checkText,
  ),
  onRequest: callback<NonNullable<WebServerSettings['onRequest']>>('(request, response) => unknown', {
    text: 'A function that answers the requests; used instead of `rootFolder`.',
  }),
  certificateFolder: custom(
    'a path',
    {
      defaultText: 'no TLS',
      text: 'Enables TLS with the files `cert.pem` and `key.pem` of this folder. In 4D, this is `certificateFolder`.',
    },
    checkText,
  ),
  cert: custom(
    'PEM, or the path of a file',
    { text: 'Enables TLS: the certificate. It requires `key`.' },
    checkPem,
  ),
  key: custom('PEM, or the path of a file', { text: 'For TLS: the private key of `cert`.' }, checkPem),
};

function checkText(value: unknown, name: string): void {
  if (typeof value !== 'string' || value === '') {
    throw new TypeError(`${name} is ${show(value)}, not a string with at least one character`);
  }
}

function checkPem(value: unknown, name: string): void {
  if (value instanceof Uint8Array) return;
  if (typeof value !== 'string' || value === '') {
    throw new TypeError(`${name} is ${show(value)}, not a string or a Buffer`);
  }
}

// Some settings have another name in 4D. If a program uses a name of 4D, the error text contains this advice.
const NAMES_OF_4D: ReadonlyMap<string, string> = new Map([
  ['IPAddressToListen', 'use host'],
  ['HTTPPort', 'use port'],
  ['HTTPSPort', 'use port'],
]);

export function isSecure({ certificateFolder, cert, key }: WebServerSettings): boolean {
  return certificateFolder !== undefined || cert !== undefined || key !== undefined;
}

/**
 * Checks the settings, and adds their defaults.
 * @throws {TypeError | RangeError} for invalid settings
 */
export function readSettings(settings: WebServerSettings): WebServerValues {
  const values = readOptions('WebServer', settings, webServerSpecs, 'server', NAMES_OF_4D);
  const { rootFolder, onRequest, certificateFolder, cert, key } = values;
  if (rootFolder !== undefined && onRequest !== undefined) {
    throw new TypeError('rootFolder and onRequest exclude each other');
  }
  if (certificateFolder !== undefined && (cert !== undefined || key !== undefined)) {
    throw new TypeError('certificateFolder excludes cert and key');
  }
  if ((cert === undefined) !== (key === undefined)) throw new TypeError('cert and key belong together');
  return values;
}

export async function readCertificate({
  certificateFolder,
  cert = `${certificateFolder}/cert.pem`,
  key = `${certificateFolder}/key.pem`,
}: WebServerSettings): Promise<{ cert: string | Buffer; key: string | Buffer }> {
  return { cert: await readPem(cert), key: await readPem(key) };
}

async function readPem(pem: string | Buffer): Promise<string | Buffer> {
  if (typeof pem !== 'string' || pem.includes('-----BEGIN')) return pem;
  return await files.readFile(pem);
}
