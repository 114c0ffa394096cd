/**
 * Answers GET and HEAD requests. The command line serves one document from memory. The web server of the 4D API serves the files of a
 * folder. static-path.ts finds the file for a request.
 */

import { createReadStream, promises as files, type Stats } from 'node:fs';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { type Duplex, pipeline } from 'node:stream';
import { folderLocation, mediaTypeOf, toNames } from './static-path.ts';

/** Answers a request with a short text. Is used for errors and redirects. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}

/** Returns true if the method is GET or HEAD. Answers any other method with 405 and `text`. */
function isRead({ method }: IncomingMessage, response: ServerResponse, text: string): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  response.setHeader('Allow', 'GET, HEAD');
  answerText(response, 405, text);
  return false;
}

/** The document for `/`, and the texts that are sent for other paths and methods. */
export interface StaticDocument {
  readonly content: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly notFound: string;
  readonly notAllowed: string;
}

/** Answers a request for `/` with the document. The query is ignored. */
export function serveDocument(
  document: StaticDocument,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { method, url = '' } = request;
  if (url.split('?', 1)[0] !== '/') answerText(response, 404, document.notFound);
  else if (isRead(request, response, document.notAllowed)) {
    response.writeHead(200, {
      'Content-Length': Buffer.byteLength(document.content),
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-cache',
      ...document.headers,
    });
    response.end(method === 'HEAD' ? undefined : document.content);
  }
}

/** A folder with files that are served. */
export interface StaticFolder {
  /** The path of the folder, with all links resolved by `realpath`. If it is null, every request is answered with 404. */
  readonly root: string | null;
  /** The name of the file that is sent when a folder is requested. */
  readonly homepage: string;
  /** Milliseconds. If a client accepts no byte of a file for this time, the client is dropped. @default 45000 */
  readonly stallTimeout?: number | undefined;
}

// Milliseconds. A WebSocket connection has the same limit by default (transport/deadlines.ts). Node.js has no such limit. Without a limit,
// a client that does not read would keep its connection and a file open for ever.
const STALL_TIMEOUT = 45_000;

/** For each socket, a Promise. It resolves when the last response on the socket has ended. */
const answers = new WeakMap<Duplex, Promise<void>>();

/**
 * Answers with the file that the request asks for. A client can send many requests before it reads a response, and Node.js reports them all
 * at once. If all were answered immediately, each response would hold a file open. So a file is opened after the earlier responses on the
 * socket have ended.
 */
export async function serveFile(
  folder: StaticFolder,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { socket } = request;
  const earlier = answers.get(socket);
  // If the socket is closed, a response that has to wait for an earlier response never emits 'close'.
  const closed = (): Promise<void> | void =>
    socket.destroyed ? undefined : new Promise((resolve) => response.once('close', resolve));
  answers.set(socket, earlier === undefined ? Promise.resolve(closed()) : earlier.then(closed));
  await earlier;
  if (!socket.destroyed) await answerWithFile(folder, request, response);
}

async function answerWithFile(
  { root, homepage, stallTimeout = STALL_TIMEOUT }: StaticFolder,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method, url = '' } = request;
  const names = root === null ? null : toNames(url);
  if (root === null || names === null) {
    answerText(response, 404, 'Not Found\n');
    return;
  }
  if (!isRead(request, response, 'Method Not Allowed\n')) return;
  let found = await find(root, names);
  const isFolder = /^[^?#]*\/(?:[?#]|$)/.test(url);
  if (found?.stats.isDirectory()) {
    if (!isFolder) {
      response.setHeader('Location', folderLocation(names, url));
      answerText(response, 301, 'Moved Permanently\n');
      return;
    }
    found = await find(root, [...names, homepage]);
  } else if (isFolder) {
    found = null;
  }
  if (found === null || !found.stats.isFile()) {
    answerText(response, 404, 'Not Found\n');
    return;
  }
  // The client might have left in the meantime. In this case, no file is opened.
  if (request.socket.destroyed) return;
  const { path, stats } = found;
  response.writeHead(200, {
    'Content-Type': mediaTypeOf(path),
    'Content-Length': stats.size,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-cache',
  });
  if (method === 'HEAD' || stats.size === 0) response.end();
  else sendFile(path, stats.size, response, stallTimeout);
}

function sendFile(path: string, size: number, response: ServerResponse, stallTimeout: number): void {
  response.setTimeout(stallTimeout, () => response.destroy());
  // The stream ends after Content-Length bytes, even if the file grows.
  const stream = createReadStream(path, { end: size - 1 });
  // The file might have become shorter. The client would then read the next response as the missing bytes. So the connection is closed.
  stream.on('end', () => {
    if (stream.bytesRead < size) response.destroy();
  });
  // If one stream ends early, `pipeline` destroys the other stream.
  pipeline(stream, response, () => {});
}

/** Finds a file or folder inside the root folder, and follows links. Returns null if it does not exist, or is outside the root folder. */
async function find(
  root: string,
  names: readonly string[],
): Promise<{ readonly path: string; readonly stats: Stats } | null> {
  try {
    const path = await files.realpath([root, ...names].join('/'));
    const base = root.replace(/[\\/]$/, '');
    if (path !== root && !path.startsWith(`${base}/`) && !path.startsWith(`${base}\\`)) return null;
    return { path, stats: await files.stat(path) };
  } catch {
    return null;
  }
}

/**
 * Starts to listen. The Promise resolves when the server listens.
 * @throws the error of the system, such as EADDRINUSE
 */
export function listenOn(http: HttpServer | HttpsServer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.off('error', reject);
      resolve();
    });
  });
}
