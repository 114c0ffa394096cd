/** Implements the HTTP server of `rfc6455 serve --page`. The server has only one page, at `/`. */

import { createServer, type Server as HttpServer } from 'node:http';
import { createServer as createSecureServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { listenOn, type StaticDocument, serveDocument } from '../api/static-server.ts';
import { page } from './page.ts';

/** A certificate and its private key, in PEM. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface PageServer {
  readonly http: HttpServer | HttpsServer;
  /** Starts to listen. @throws the error of the system, such as EADDRINUSE */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Stops listening and drops the HTTP connections. Connections that became WebSockets stay open. */
  close(): void;
}

/** Creates the server. @throws the error of node:tls if the certificate or the key cannot be used */
export async function createPageServer(tls: TlsFiles | null): Promise<PageServer> {
  const document: StaticDocument = {
    content: page.html,
    headers: await pageHeaders(),
    notFound: 'There is nothing here; the page is at /\n',
    notAllowed: 'This page can only be read\n',
  };
  const answer = serveDocument.bind(null, document);
  const http = tls === null ? createServer(answer) : createSecureServer({ ...tls }, answer);
  return {
    http,
    async listen(port, host) {
      await listenOn(http, port, host);
      return http.address() as AddressInfo;
    },
    close() {
      http.close();
      http.closeAllConnections();
    },
  };
}

/**
 * Returns the header fields of the page. The Content Security Policy allows only the page's own script and style, and connections to its
 * own server. No other page may embed this page.
 */
async function pageHeaders(): Promise<Readonly<Record<string, string>>> {
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${await digest(page.script)}'`,
    `style-src 'sha256-${await digest(page.style)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ];
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'Referrer-Policy': 'no-referrer',
  };
}

async function digest(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64');
}
