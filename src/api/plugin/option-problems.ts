/**
 * Finds invalid options of the plugins, and options that only the other version of the plugin has. Commands never throw. If an option is
 * invalid, the next start fails with the text of the problem. If only the other version of the plugin has an option, the option is ignored,
 * and the process gets one warning for its name.
 */

import { warn } from '../callback.ts';
import { show } from '../option-spec.ts';
import { has, isPlainObject, type Properties } from './arguments.ts';

/** Reads a port: a number, or its decimal text. @returns the port, or the text of the problem */
export function portOf(value: unknown): number | string {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  return `port is ${show(value)}, not a number from 0 to 65535, or the text of one`;
}

/**
 * Returns the text of the problem with `headers`, or ''. If `headers` is null, there are no headers. If the value of a field is null, the
 * field is absent.
 */
export function headersProblem(headers: unknown): string {
  if (headers === undefined || headers === null) return '';
  if (!isPlainObject(headers)) return `headers is ${show(headers)}, not an object of texts`;
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || value === null || typeof value === 'string') continue;
    return `headers: ${JSON.stringify(name)} is ${show(value)}, not a text`;
  }
  return '';
}

/** The property by which each version names a client or a server. In this file, the name of the property also stands for the version. */
type IdName = 'id' | 'ref';

/** Each key is an option name of the other version. The value names the counterpart in this version, or is null if there is none. */
type Counterparts = ReadonlyMap<string, string | null>;

const counterparts: Readonly<Record<IdName, Counterparts>> = {
  ref: new Map([
    ['id', '"ref"'],
    ['URL', '"url"'],
    ['enablePerMessageDeflate', '"perMessageDeflate"'],
    ['message', 'the second argument'],
    ['uri', '"clients"'],
    ['headers', null],
    ['maxWaitBetweenReconnectionRetries', null],
    ['handshakeTimeoutSecs', null],
    ['addressFamily', null],
    ['certFile', null],
    ['keyFile', null],
    ['caFile', null],
    ['ciphers', null],
    ['tls', null],
  ]),
  id: new Map([
    ['ref', '"id"'],
    ['url', '"URL"'],
    ['perMessageDeflate', '"enablePerMessageDeflate"'],
    ['disablePerMessageDeflate', '"enablePerMessageDeflate"'],
    ['method', 'websocketSetMethod'],
    ['contextAs', '"messageAs" of websocketSetMethod'],
    ['clients', '"client"'],
    ['pingTimeout', null],
    ['strictUtf8', null],
  ]),
};

/** Returns the advice for an option name that only the other version of the plugin has. */
function adviceFor(idName: IdName, name: string): string {
  const meant = counterparts[idName].get(name) ?? null;
  const other = idName === 'id' ? 'version 1 (rfc6455/plugin-v1)' : 'version 2 (rfc6455/plugin)';
  const text = `the option "${name}" belongs to ${other}`;
  return meant === null ? `${text}, and has no effect here` : `${text}: did you mean ${meant}?`;
}

/** If the object has the property `name`, returns the advice for this name of the other version of the plugin. Otherwise returns ''. */
export function insteadOf(idName: IdName, object: Properties, name: IdName | 'URL' | 'url'): string {
  return has(object, name) ? adviceFor(idName, name) : '';
}

/** Warns if an object has option names of the other version of the plugin. One instance warns at most once for each name. */
export class ForeignNames {
  readonly #idName: IdName;
  readonly #warned = new Set<string>();

  constructor(idName: IdName) {
    this.#idName = idName;
  }

  check(object: Properties): void {
    for (const name of counterparts[this.#idName].keys()) {
      if (this.#warned.has(name) || !has(object, name) || object[name] === null) continue;
      this.#warned.add(name);
      warn(new Error(adviceFor(this.#idName, name)));
    }
  }
}
