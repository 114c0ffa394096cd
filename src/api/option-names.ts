/**
 * Refuses unknown names of options. If the library ignored a misspelt name, the default would apply, although the application has chosen
 * another value. So an unknown name is an error. The error text suggests the right name.
 */

/**
 * An object with a key for each option of an interface. It is either a table of option-spec.ts, or an object with the value `true` for each
 * key.
 */
export type OptionNames<Options> = Readonly<Record<keyof Options, unknown>>;

// Names of options in other software: `ws`, undici, uWebSockets.js, Bun, node:tls and browsers. The value says what to use in this library
// instead.
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['port', 'it is an option of listen()'],
  ['host', 'it is an option of listen()'],
  ['hostname', 'use host'],
  ['server', 'use attach(server)'],
  ['noServer', 'use handleUpgrade(request, socket, head)'],
  ['path', 'it is an option of listen() and attach(); connect() has it in the URL'],
  ['maxPayload', 'use maxMessageSize'],
  ['perMessageDeflate', 'use compression'],
  ['compress', 'use compression'],
  ['maxPayloadLength', 'use maxMessageSize'],
  ['maxBackpressure', 'use sendCap'],
  ['backpressureLimit', 'use sendCap'],
  ['idleTimeout', 'use heartbeat'],
  ['pingInterval', 'use heartbeat'],
  ['pingTimeout', 'use heartbeat'],
  ['sendPings', 'use heartbeat'],
  ['sendPingsAutomatically', 'use heartbeat'],
  ['allowedOrigins', 'use origins'],
  ['connection', 'the handler is called "open"'],
  ['verifyClient', 'use the handler "upgrade"'],
  ['handleProtocols', 'use subprotocols, or the handler "upgrade"'],
  ['protocol', 'use subprotocols'],
  ['protocols', 'use subprotocols'],
  ['timeout', 'use handshakeTimeout'],
  ['openTimeout', 'use handshakeTimeout'],
  ['maxRedirects', 'use redirects'],
  ['followRedirects', 'use redirects'],
  ['agent', 'use proxy, tcp or tls; or socket: ({ host, port }) => agent.createConnection(…)'],
  ['dispatcher', 'use proxy, tcp or tls'],
  ['createConnection', 'use socket'],
  ['lookup', 'put it into { tcp }'],
  ['localAddress', 'put it into { tcp }'],
  ...['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized'].map(
    (name) => [name, 'put it into { tls }'] as const,
  ),
]);

/**
 * Throws if `options` is not an object, or if it has a property that is not an option. A property with the value undefined counts as
 * absent.
 * @param what the function or class that the options are for, such as `connect` or `listen`
 * @param places the advice for names of other libraries, if it differs from the advice of the native API
 * @throws {TypeError} with the right name in the message, if a similar option exists
 */
export function checkOptions<Options extends object>(
  what: string,
  options: Options,
  names: OptionNames<Options>,
  places: ReadonlyMap<string, string> = elsewhere,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`the options of ${what} are ${describe(options)}, not an object: ${list(names)}`);
  }
  // This loop runs for each message that is sent with options. So it must not allocate memory.
  for (const name in options) {
    if (Object.hasOwn(names, name) || !Object.hasOwn(options, name) || options[name] === undefined) continue;
    throw new TypeError(`${what} has no option "${name}"${advice(name, names, places)}`);
  }
}

function advice(name: string, names: object, places: ReadonlyMap<string, string>): string {
  // `name` is the name of a handler. Handlers belong to the option `handlers`.
  if (Object.hasOwn(names, 'handlers') && handlerNames.has(name)) return ': put it into { handlers }';
  const place = places.get(name) ?? elsewhere.get(name);
  if (place !== undefined) return `: ${place}`;
  const near = nearest(name, Object.keys(names));
  if (near !== null) return `: did you mean "${near}"?`;
  if (handlerNames.has(name)) return ': it is a handler, and belongs to the first argument';
  if (Object.hasOwn(names, 'connect')) return ': what is for connect() goes into { connect }';
  return `; it has ${list(names)}`;
}

const handlerNames: ReadonlySet<string> = new Set([
  'upgrade',
  'accepting',
  'refusing',
  'refused',
  'open',
  'message',
  'stream',
  'fragment',
  'ping',
  'pong',
  'drain',
  'closing',
  'close',
  'error',
  'failed',
  'ended',
]);

/**
 * Throws if a value is not a valid object of handlers. The object can be an instance of a class of the application, so it may have other
 * members too. Two kinds of objects are errors, because they are probably mistakes:
 * - An object without any handler, such as `{ port: 8080 }`. The caller has probably passed options.
 * - An object with `onMessage`, but without `message`. The caller has probably used the names of another library.
 * @throws {TypeError}
 */
export function checkHandlers(handlers: object): void {
  if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers)) {
    throw new TypeError(
      `handlers is ${describe(handlers)}, not an object such as { message(connection, message) {} }`,
    );
  }
  let strange: string | null = null;
  for (const [name, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(handlers))) {
    if (handlerNames.has(name)) {
      if (get === undefined && value !== undefined && typeof value !== 'function') {
        throw new TypeError(`the handler "${name}" is ${describe(value)}, not a function`);
      }
      continue;
    }
    const meant = name.replace(/^on/i, '').toLowerCase();
    if (typeof value === 'function' && handlerNames.has(meant) && !(meant in handlers)) {
      throw new TypeError(`there is no handler "${name}": it is called "${meant}"`);
    }
    strange ??= name;
  }
  if (strange === null || [...handlerNames].some((name) => name in handlers)) return;
  const place = elsewhere.get(strange);
  throw new TypeError(
    `handlers has "${strange}" and no handler${place === undefined ? '' : `: ${place}`}; handlers are ${[...handlerNames].slice(0, -2).join(', ')}`,
  );
}

/** Describes a value in a few words for an error text. The description contains no secrets. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') {
    const name: unknown = value.constructor?.name;
    return typeof name === 'string' && name !== '' && name !== 'Object' ? `a ${name}` : 'an object';
  }
  return typeof value === 'function' ? 'a function' : `a ${typeof value}`;
}

function list(names: object): string {
  return `{ ${Object.keys(names).join(', ')} }`;
}

/**
 * Returns the most similar valid name. Returns null if no name is similar. A similar name differs in at most two letters. If `name` has
 * fewer than five letters, a similar name differs in at most one letter. Upper and lower case do not matter.
 */
function nearest(name: string, names: readonly string[]): string | null {
  const wanted = name.toLowerCase();
  let best: string | null = null;
  let least = name.length < 5 ? 2 : 3;
  for (const candidate of names) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

/**
 * Returns how many steps make one name equal to the other. A step inserts, removes or changes a letter, or swaps two neighboring letters.
 */
function editDistance(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const swap = isSwapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(change, swap, row[j]! + 1, next[j - 1]! + 1));
    }
    before = row;
    row = next;
  }
  return row[other.length]!;
}
