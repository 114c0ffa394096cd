/**
 * Answers GET and HEAD requests. The command line serves its page, a document in memory. The web server of the 4D API serves the files of a
 * folder. static-path.ts finds the file for a request.
 */

import { createReadStream, promises as files, type Stats } from 'node:fs';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { type Duplex, pipeline } from 'node:stream';
import { folderLocation, mediaTypeOf, toNames } from './static-path.ts';

/** Answers with a text, for an error or a redirect. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}

/** Returns whether the method is GET or HEAD. Answers any other method with 405 and `text`. */
function isRead({ method }: IncomingMessage, response: ServerResponse, text: string): boolean {
  if (method === 'GET' || method === 'HEAD') return true;
  response.setHeader('Allow', 'GET, HEAD');
  answerText(response, 405, text);
  return false;
}

/** The document for `/`, and the texts of the answers to other paths and methods. */
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

/** A folder whose files are served. */
export interface StaticFolder {
  /** The folder's path with links resolved, as `realpath` returns it. If the path is null, every request is answered with 404. */
  readonly root: string | null;
  /** The file that is served for a folder. */
  readonly homepage: string;
  /** Milliseconds: a client that accepts no byte of a file for this time is dropped. @default 45000 */
  readonly stallTimeout?: number | undefined;
}

// By default a WebSocket connection has the same limit (see transport/deadlines.ts). Node.js itself has no such limit. Without a limit, a
// client that does not read would keep its connection and an open file for ever.
const STALL_TIMEOUT = 45_000;

/** For each socket: a Promise that is fulfilled when the last response on this socket has ended. */
const answers = new WeakMap<Duplex, Promise<void>>();

/**
 * Answers with the file that the request's path names. Node.js reports pipelined requests all at once. If all were answered immediately,
 * each would keep a file open. So the file is opened only when the earlier responses on the connection have ended.
 */
export async function serveFile(
  folder: StaticFolder,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { socket } = request;
  const earlier = answers.get(socket);
  // If the socket is closed, the responses that wait for an earlier response emit no 'close'.
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
  // If the client has left meanwhile, no file is opened.
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
  // The stream ends after Content-Length bytes, even if the file is growing.
  const stream = createReadStream(path, { end: size - 1 });
  // If the file became shorter, the client still waits for the missing bytes. It would read the next response as these
  // bytes. Therefore the connection is closed.
  stream.on('end', () => {
    if (stream.bytesRead < size) response.destroy();
  });
  // If one of the two streams ends early, `pipeline` destroys the other stream.
  pipeline(stream, response, () => {});
}

/**
 * Finds a file or folder inside the root folder, and follows links. Returns null if the file does not exist or lies outside the root
 * folder.
 */
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
 * Begins to listen. The Promise is fulfilled once the server listens.
 * @throws the system's error, such as EADDRINUSE
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
