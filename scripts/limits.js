/**
 * Writes docs/limits.md and the marked tables of docs/api.md. Each option has a row with its valid values, its default and its effect. The
 * data comes from the option specifications in the compiled package. With --check, the script writes nothing, and fails if a page is out of
 * date.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * @typedef {import('../src/api/option-spec.ts').OptionSpecs} Specs
 * @typedef {import('../src/api/option-spec.ts').OptionSpec<any, unknown>} Spec
 * @typedef {{ module: string, name: string, interfaces: Record<string, string>, title: string, intro: string, roles: boolean }} Table
 */

/**
 * The tables of docs/limits.md. `module` is the file below src/, and `name` is its export. The keys of `interfaces` are the TypeScript
 * interfaces of the options, and each value is the option that contains the interface, or ''. (test/api/option-spec.test.ts compares the
 * `@default`s of these interfaces.) `roles` says whether the table has separate columns for servers and clients.
 * @type {Table[]}
 */
export const tables = [
  {
    module: 'api/options.ts',
    name: 'connectionSpecs',
    interfaces: {
      ConnectionOptions: '',
      HeartbeatOptions: 'heartbeat',
      PingOptions: 'pings',
      CompressionOptions: 'compression',
      DeflateConfig: 'compression',
    },
    title: 'Every connection',
    intro:
      'The functions `connect` and `new WebSocketServer` accept these options (`ConnectionOptions`). [Architecture](architecture.md#limits) gives the reason for each default.',
    roles: true,
  },
  {
    module: 'api/message.ts',
    name: 'sendSpecs',
    interfaces: { SendOptions: '' },
    title: 'A message',
    intro: 'The methods `send` and `write` accept these options (`SendOptions`).',
    roles: false,
  },
  {
    module: 'api/message.ts',
    name: 'sendStreamSpecs',
    interfaces: { SendStreamOptions: '' },
    title: 'A message in parts',
    intro: 'The method `sendStream` accepts these options (`SendStreamOptions`).',
    roles: false,
  },
  {
    module: 'api/server-options.ts',
    name: 'serverSpecs',
    interfaces: { ServerOptions: '' },
    title: 'A server',
    intro:
      '`new WebSocketServer` accepts `ServerOptions`: the options of [every connection](#every-connection), and the options of this table.',
    roles: false,
  },
  {
    module: 'api/server-options.ts',
    name: 'listenSpecs',
    interfaces: { ListenOptions: '' },
    title: 'A listener',
    intro: 'The method `listen` accepts these options (`ListenOptions`).',
    roles: false,
  },
  {
    module: 'api/server-options.ts',
    name: 'shutdownSpecs',
    interfaces: { ShutdownOptions: '' },
    title: 'A shutdown',
    intro: 'The method `shutdown` accepts these options (`ShutdownOptions`).',
    roles: false,
  },
  {
    module: 'api/connect-options.ts',
    name: 'dialSpecs',
    interfaces: { RequestFields: '', DialOptions: '', TunnelOptions: '' },
    title: 'Connecting',
    intro:
      '`connect` accepts `ConnectOptions`: the options of [every connection](#every-connection), and the options of this table. See [api.md](api.md#connecting).',
    roles: false,
  },
  {
    module: 'api/reconnect-options.ts',
    name: 'reconnectSpecs',
    interfaces: { ReconnectSettings: '', Backoff: 'backoff' },
    title: 'Connecting again',
    intro:
      '`reconnect` and `new Reconnection` accept these options (`ReconnectOptions`). See [api.md](api.md#connecting-again).',
    roles: false,
  },
  {
    module: 'api/topics/topics-options.ts',
    name: 'topicsSpecs',
    interfaces: { TopicsOptions: '', PresenceOptions: 'presence' },
    title: 'Topics',
    intro:
      '`new Topics` of `rfc6455/topics` accepts these options (`TopicsOptions`). See [topics.md](topics.md).',
    roles: false,
  },
  {
    module: 'api/4d/server-options.ts',
    name: 'fourDServerSpecs',
    interfaces: { WebSocketServerOptions: '' },
    title: 'The WebSocket server of `rfc6455/4d`',
    intro:
      '`new WebSocketServer` of `rfc6455/4d` accepts `WebSocketServerOptions`: the options of the native server (`WebSocketServer` of `rfc6455`), and the options of this table. See [4d.md](4d.md).',
    roles: false,
  },
  {
    module: 'api/4d/web-server-settings.ts',
    name: 'webServerSpecs',
    interfaces: { WebServerSettings: '' },
    title: 'The web server of `rfc6455/4d`',
    intro:
      '`new WebServer` and its method `start` accept these settings (`WebServerSettings`). See [4d.md](4d.md).',
    roles: false,
  },
  {
    module: 'api/topics/bus-options.ts',
    name: 'redisBusSpecs',
    interfaces: { BusOptions: '', RedisBusOptions: '', HistoryOptions: 'history' },
    title: 'A bus',
    intro:
      '`new RedisBus` accepts these options (`RedisBusOptions`). `new ClusterBus` accepts only `prefix` and `maxWaiting`. `new NatsBus` accepts [other options](#a-bus-over-nats).',
    roles: false,
  },
  {
    module: 'api/topics/bus-options.ts',
    name: 'natsBusSpecs',
    interfaces: { BusOptions: '', NatsBusOptions: '', NatsHistoryOptions: 'history' },
    title: 'A bus over NATS',
    intro: '`new NatsBus` accepts these options (`NatsBusOptions`). See [topics.md](topics.md#history).',
    roles: false,
  },
];

/**
 * The tables of docs/api.md. Each table is between two comments. `without` names an export whose options are omitted, because another table
 * lists them.
 * @type {{ of: string, module: string, name: string, without?: { module: string, name: string } }[]}
 */
export const regions = [
  {
    of: 'ConnectOptions',
    module: 'api/connect-options.ts',
    name: 'connectSpecs',
    without: { module: 'api/options.ts', name: 'connectionSpecs' },
  },
  { of: 'ReconnectOptions', module: 'api/reconnect-options.ts', name: 'reconnectSpecs' },
];

/** The limits that no option can change. */
const fixed = `## Fixed limits

No option changes these limits:

- The head of a request has at most 16 KiB and 100 header fields. Otherwise the server answers 431.
- The head of a response has at most 16 KiB and 100 header fields. Otherwise the client fails the handshake.
- The target of a request has at most 8 KiB. Otherwise the server answers 414.
- In a request, each of the fields \`Upgrade\`, \`Connection\`, \`Sec-WebSocket-Protocol\` and \`Sec-WebSocket-Extensions\` has at
  most 8 KiB. Otherwise the server answers 431.
- A request offers at most 16 extensions with 16 parameters each, and at most 64 subprotocols. Otherwise the server answers 400.
- A message has at most 1,000 consecutive fragments without payload. Otherwise the connection is closed with 1008.
- A client accepts at most 8 informational responses (1xx) before the final response of the server.
`;

/**
 * Returns the text of a default for the documentation.
 * @param {Spec} spec
 * @param {'server' | 'client'} role
 */
export function defaultOf(spec, role) {
  const value = spec.defaults[role];
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return `\`${value}\``;
    // A close code is not a quantity, so it is printed without thousands separators.
    return spec.unit === '' && value < 10_000 ? String(value) : value.toLocaleString('en');
  }
  if (spec.defaultText !== null) return spec.defaultText;
  if (value === undefined) return 'none';
  return typeof value === 'string' ? `\`'${value}'\`` : `\`${String(value)}\``;
}

/**
 * Returns the text that `@default` must have in the doc comment of an option.
 * @param {Spec} spec
 */
export function defaultComment(spec) {
  const [server, client] = [inWords(spec, 'server'), inWords(spec, 'client')];
  return server === client ? server : `${server} on a server, ${client} on a client`;
}

/** @param {Spec} spec @param {'server' | 'client'} role */
function inWords(spec, role) {
  const value = spec.defaults[role];
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'boolean') return String(value);
  if (typeof value !== 'number' || !Number.isFinite(value)) return defaultOf(spec, role);
  if (spec.unit !== 'bytes' || value % 1024 !== 0) return String(value);
  return value % 1_048_576 === 0 ? `${value / 1_048_576} MiB` : `${value / 1024} KiB`;
}

/**
 * Returns each option of a table. A nested option comes after the option that contains it, and its name is a path such as `a.b`.
 * @param {Specs} specs
 * @returns {{ name: string, spec: Spec }[]}
 */
export function flatten(specs, prefix = '') {
  return Object.entries(specs).flatMap(([name, spec]) => [
    { name: prefix + name, spec },
    ...(spec.members === null ? [] : flatten(spec.members, `${prefix}${name}.`)),
  ]);
}

/**
 * @param {{ table: Table, specs: Specs }[]} filled
 * @returns {{ text: string, problems: string[] }}
 */
export function render(filled) {
  /** @type {string[]} */
  const problems = [];
  const out = [
    '# Options, limits and defaults',
    '',
    "<!-- Written by scripts/limits.js from the package's own tables. Do not edit. -->",
    '',
    'Every limit is on by default. Pass `Infinity` to disable a limit. A limit of 0 causes a `RangeError`, because 0 could also mean',
    '"no limit". An unknown option name causes a `TypeError` that suggests the right name. Sizes are in bytes, and times are in',
    'milliseconds. If the value of an option is `undefined`, the default applies.',
    '',
  ];
  for (const { table, specs } of filled) {
    out.push(`## ${table.title}`, '', table.intro, '', ...rowsOf(specs, table, problems), '');
  }
  return { text: `${out.join('\n')}\n${fixed}`, problems };
}

/**
 * Returns the lines of one table.
 * @param {Specs} specs
 * @param {{ name: string, roles: boolean }} table
 * @param {string[]} problems the function adds faults to this list
 */
function rowsOf(specs, table, problems) {
  const columns = table.roles ? ['option', 'server', 'client'] : ['option', 'default'];
  const out = [
    `| ${[...columns, 'valid values', ''].join(' | ')} |`,
    `|${'---|'.repeat(columns.length + 2)}`,
  ];
  const rows = flatten(specs);
  if (rows.length === 0) problems.push(`${table.name} is empty`);
  for (const { name, spec } of rows) {
    if (!/^[A-Z`]?.*[^.]\.$/.test(spec.text)) {
      problems.push(`${table.name}.${name}: the text is not a sentence: ${spec.text}`);
    }
    /** @type {('server' | 'client')[]} */
    const roles = table.roles ? ['server', 'client'] : ['server'];
    const defaults = roles.map((role) => defaultOf(spec, role));
    const range = spec.unit === '' ? spec.range : `${spec.unit}, ${spec.range}`;
    const cells = [`\`${name}\``, ...defaults, range, spec.text].map((cell) => cell.replaceAll('|', '\\|'));
    out.push(`| ${cells.join(' | ')} |`);
  }
  return out;
}

/**
 * Replaces the tables of the page.
 * @param {string} page
 * @param {{ region: { of: string, name: string }, specs: Specs }[]} filled
 * @returns {{ text: string, problems: string[] }}
 */
export function fillRegions(page, filled) {
  /** @type {string[]} */
  const problems = [];
  let text = page;
  for (const { region, specs } of filled) {
    const start = `<!-- options of ${region.of}: written by scripts/limits.js -->\n`;
    const from = text.indexOf(start);
    const to = text.indexOf('<!-- end -->', from);
    if (from === -1 || to === -1) {
      problems.push(`the page has no table of ${region.of}`);
      continue;
    }
    const table = rowsOf(specs, { name: region.name, roles: false }, problems);
    // An empty line separates the comment and the table. Without it, Markdown does not recognize the table.
    text = `${text.slice(0, from)}${start}\n${table.join('\n')}\n\n${text.slice(to)}`;
  }
  return { text, problems };
}

/** Imports an export of the compiled package. @param {{ module: string, name: string }} table @returns {Promise<Specs>} */
async function specsOf({ module, name }) {
  const root = dirname(dirname(fileURLToPath(import.meta.url)));
  const path = join(root, 'dist', module.replace(/\.ts$/, '.js'));
  const { [name]: specs } = await import(pathToFileURL(path).href);
  if (specs === undefined) throw new Error(`${module} exports no ${name}`);
  return specs;
}

/** Returns the tables of docs/limits.md with their options. */
export async function fill() {
  return Promise.all(tables.map(async (table) => ({ table, specs: await specsOf(table) })));
}

/** Returns the tables of docs/api.md with their options. */
export async function fillApi() {
  return Promise.all(
    regions.map(async (region) => {
      const others = region.without === undefined ? {} : await specsOf(region.without);
      const own = Object.entries(await specsOf(region)).filter(([name]) => !(name in others));
      return { region, specs: /** @type {Specs} */ (Object.fromEntries(own)) };
    }),
  );
}

/** @param {boolean} check */
async function main(check) {
  const docs = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs');
  const filled = await fill();
  const api = readFileSync(join(docs, 'api.md'), 'utf8');
  const pages = { 'limits.md': render(filled), 'api.md': fillRegions(api, await fillApi()) };
  /** @type {string[]} */
  const problems = [];
  for (const [name, page] of Object.entries(pages)) {
    const path = join(docs, name);
    problems.push(...page.problems);
    if (!check) writeFileSync(path, page.text);
    else if (!existsSync(path) || readFileSync(path, 'utf8') !== page.text)
      problems.push(`docs/${name} is out of date: run "npm run docs"`);
  }
  console.log(`${filled.reduce((sum, { specs }) => sum + flatten(specs).length, 0)} options`);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.includes('--check'));
