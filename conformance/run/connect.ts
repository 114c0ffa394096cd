/**
 * Opens connections to the server of a URL, with TCP or TLS. Sends nothing on the connections.
 */

import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { valuesOf } from '../wire/head.ts';
import { clockOf } from './clock.ts';
import { Link } from './link.ts';
import { openAsClient, type Target } from './opening.ts';

/** How to connect to a server. */
export interface UrlOptions {
  /** The certificates of a trusted CA, in PEM. With `insecure`, any certificate of the server is accepted. */
  readonly ca?: Buffer;
  readonly insecure?: boolean;
  /** The certificate of the judge and its private key, in PEM, for servers that request a client certificate. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
  /**
   * Header fields that are added to every request, such as Authorization, Cookie and Origin. Reports do not show the values of
   * Authorization and Cookie.
   */
  readonly fields?: readonly (readonly [string, string])[];
}

/** A server that is given by its URL. */
export interface Server {
  readonly connect: () => Promise<Duplex>;
  readonly target: Target;
}

/**
 * Reads a URL. http: becomes ws:, https: becomes wss:, and user information becomes the value of Authorization.
 * @throws {TypeError} for any other scheme, and for a URL with a fragment (6455 §3)
 */
export function readUrl(text: string): { readonly url: URL; readonly authorization: string | null } {
  const url = new URL(text);
  const scheme = { 'ws:': 'ws:', 'wss:': 'wss:', 'http:': 'ws:', 'https:': 'wss:' }[url.protocol];
  if (scheme === undefined) throw new TypeError('it is no ws:, wss:, http: or https: URL');
  if (url.href.includes('#')) throw new TypeError('a WebSocket URL has no fragment');
  const { username, password } = url;
  [url.username, url.password, url.protocol] = ['', '', scheme];
  if (username === '' && password === '') return { url, authorization: null };
  const words = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url, authorization: `Basic ${Buffer.from(words).toString('base64')}` };
}

/** @throws {TypeError} for a text that `readUrl` does not accept */
export function serverOf(text: string, options: UrlOptions = {}): Server {
  const { ca, cert, key, insecure = false } = options;
  const { url, authorization } = readUrl(text);
  const { hostname, port, pathname, search } = url;
  const secure = url.protocol === 'wss:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const number = Number(port || (secure ? 443 : 80));
  const given = options.fields ?? [];
  const named = given.some(([name]) => name.toLowerCase() === 'authorization');
  const fields =
    authorization === null || named ? given : [...given, ['Authorization', authorization] as const];
  const connect = (): Promise<Duplex> =>
    new Promise((resolve, reject) => {
      const options = { host, port: number, allowHalfOpen: true };
      const trust = {
        ...(ca && { ca }),
        ...(cert && { cert }),
        ...(key && { key }),
        rejectUnauthorized: !insecure,
      };
      // RFC 6066: an IP address is not permitted as a server name.
      const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
      const socket = secure ? connectTls({ ...options, ...trust, ...servername }) : connectTcp(options);
      socket.once(secure ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
      socket.once('error', reject);
    });
  return { connect, target: { host: `${hostname}:${number}`, target: `${pathname}${search}`, fields } };
}

/**
 * Connects to a server, and returns the name in the Server field of its answer.
 * @throws {Error} if the server cannot be reached
 */
export async function agentOf({ connect, target }: Server, timeFactor: number): Promise<string> {
  const link = new Link(await connect(), 'client', clockOf(timeFactor));
  const { answer, opened } = await openAsClient(link, target);
  if (opened) {
    link.close(1000);
    await link.until(() => link.peerEnded, link.clock.closing);
  }
  link.drop(null);
  return (answer && valuesOf(answer, 'Server')[0]) || 'UnknownServer';
}
