/**
 * Connections to a server that a URL names: TCP or TLS, nothing sent yet.
 */

import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { valuesOf } from '../wire/head.ts';
import { clockOf } from './clock.ts';
import { Link } from './link.ts';
import { openAsClient, type Target } from './opening.ts';

/** How to get there. */
export interface UrlOptions {
  /** Certificates of a CA (PEM); or any certificate is taken. */
  readonly ca?: Buffer;
  readonly insecure?: boolean;
  /** Further fields for every request. */
  readonly fields?: readonly (readonly [string, string])[];
}

/** A server by its URL. */
export interface Server {
  readonly connect: () => Promise<Duplex>;
  readonly target: Target;
}

/** @throws {TypeError} for what is no ws: or wss: URL */
export function serverOf(url: string, { ca, insecure = false, fields = [] }: UrlOptions = {}): Server {
  const { protocol, hostname, port, pathname, search } = new URL(url);
  if (protocol !== 'ws:' && protocol !== 'wss:') throw new TypeError(`${url} is no ws: or wss: URL`);
  const secure = protocol === 'wss:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const number = Number(port || (secure ? 443 : 80));
  const connect = (): Promise<Duplex> =>
    new Promise((resolve, reject) => {
      const options = { host, port: number, allowHalfOpen: true };
      const trust = { ...(ca && { ca }), rejectUnauthorized: !insecure };
      // RFC 6066: a server name is no address.
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
 * Who the server says it is: its Server field.
 * @throws {Error} where it is not there
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
