/**
 * The HTTP server of `rfc6455 serve --page`: one page at `/`, nothing else.
 */

import {
  createServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { page } from './page.ts';

/** A certificate with its private key, both PEM. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A server for the page. */
export interface PageServer {
  readonly http: HttpServer | HttpsServer;
  /** @throws the system's error, such as EADDRINUSE */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Accepts no more, and drops HTTP connections; those that became WebSockets stay. */
  close(): void;
}

/** @throws what node:tls says of a certificate or key that cannot be used */
export async function createPageServer(tls: TlsFiles | null): Promise<PageServer> {
  const headers = await pageHeaders();
  const answer = (request: IncomingMessage, response: ServerResponse): void =>
    respond(request, response, headers);
  const http = tls === null ? createServer(answer) : createSecureServer({ ...tls }, answer);
  return {
    http,
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        http.once('error', reject);
        http.listen(port, host, () => {
          http.off('error', reject);
          resolve(http.address() as AddressInfo);
        });
      }),
    close() {
      http.close();
      http.closeAllConnections();
    },
  };
}

function respond(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  headers: Readonly<Record<string, string>>,
): void {
  const path = url.split('?', 1)[0];
  if (path !== '/') answerText(response, 404, 'There is nothing here; the page is at /\n');
  else if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    answerText(response, 405, 'This page is only there to be read\n');
  } else {
    response.writeHead(200, headers);
    response.end(method === 'HEAD' ? undefined : page.html);
  }
}

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}

/** The page runs its own script, has its own style, and connects to its own server. Nothing else, in nobody's frame. */
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
    'Content-Length': String(Buffer.byteLength(page.html)),
    'Content-Security-Policy': policy.join('; '),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  };
}

async function digest(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('base64');
}
