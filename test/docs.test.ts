/**
 * Tests that the pages agree with the code. docs/api.md names every exported name and its members. Each link leads to an existing place.
 * SECURITY.md links each attack to tests that name the attack. readme.test.ts runs the code on the pages.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { testFiles, traceAttacks } from '../scripts/attacks.js';
import { groupEnd, scan } from '../scripts/source-scan.js';
import * as fourD from '../src/4d.ts';
import * as api from '../src/index.ts';
import * as protocol from '../src/protocol.ts';
import * as topics from '../src/topics.ts';
import * as ws from '../src/ws.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const reference = read('docs/api.md');
const split = reference.indexOf('\n## `rfc6455/protocol`');
const sections: Readonly<Record<string, string>> = {
  // A separate page has the tables of options.
  'src/index.ts': reference.slice(0, split) + read('docs/limits.md'),
  // A name that both entry points export is described only once.
  'src/protocol.ts': reference + read('docs/limits.md'),
  'src/4d.ts': read('docs/4d.md') + read('docs/4d-rows.md'),
};
const entryPoints: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'src/index.ts': { ...api },
  'src/protocol.ts': { ...protocol },
  'src/4d.ts': { ...fourD },
};

/** Returns true if the name occurs on the page in code, as a whole word. */
function isNamed(page: string, name: string): boolean {
  const code = [...page.matchAll(/^```[\s\S]*?^```|`[^`\n]+`/gm)].map(([text]) => text).join('\n');
  return new RegExp(`(?<![\\w$])${name}(?![\\w$])`).test(code);
}

/** Returns the names that an entry point exports, including types. */
function exportsOf(path: string): string[] {
  const { code } = scan(read(path));
  return [...code.matchAll(/\bexport\s+(?:type\s+)?\{([^}]*)\}/g)].flatMap(([, names = '']) =>
    names
      .split(',')
      .map((name) => name.trim().replace(/^type\s+/, ''))
      .filter((name) => name !== ''),
  );
}

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.startsWith('cli'))
  .map((path) => ({ path, code: scan(readFileSync(join(root, 'src', path), 'utf8')).code }));

/** An API surface of the package. Different surfaces use the same names, so the tests must not mix them. null means the native classes. */
type Surface = 'plugin' | 'whatwg' | 'ws' | null;

function surfaceOf(path: string): Surface {
  if (/(?:^|\/)plugin(?:\/|-|\.)/.test(path)) return 'plugin';
  if (path.includes('api/ws/')) return 'ws';
  return path.includes('whatwg/') ? 'whatwg' : null;
}

/**
 * Returns the members of every exported interface with this name. Searches only the files of one surface. null means the native classes.
 */
function membersOf(name: string, surface: Surface = null): string[] {
  const places = sources.filter(({ path }) => surfaceOf(path) === surface);
  return places.flatMap(({ code }) =>
    [...code.matchAll(new RegExp(`\\bexport interface ${name}\\b[^{]*\\{`, 'g'))].flatMap((match) => {
      const open = match.index + match[0].length - 1;
      const body = code.slice(open, groupEnd(code, open));
      const own = [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(<]/gm)].map(([, member = '']) => member);
      // Interfaces with a name in …Callbacks exist only to be extended. Their members belong to the interface that extends them.
      const [, base] = /\bextends (\w+Callbacks)</.exec(match[0]) ?? [];
      return base === undefined ? own : [...own, ...membersOf(base, surface)];
    }),
  );
}

/** Public methods that only our own modules may call. */
const internal = new Set(
  sources.flatMap(({ path }) =>
    [
      ...read(join('src', path)).matchAll(
        /\/\*\*[\s*]*@internal\b[^/]*\*\/\n {2}(?:async )?(\w+)(?:<[^>]*>)?\(/g,
      ),
    ].map(([, name = '']) => name),
  ),
);

/** Returns the members of a prototype, and the members that it inherits from classes of this package. */
function methodsOf(prototype: object): string[] {
  const above: unknown = Object.getPrototypeOf(prototype);
  const isOfPackage = above instanceof Object && /^class\b/.test(String(above.constructor));
  return [...Object.getOwnPropertyNames(prototype), ...(isOfPackage ? methodsOf(above) : [])];
}

describe.each(Object.entries(sections))('the reference page for %s', (path, page) => {
  const names = exportsOf(path);

  test('the page contains every name that the entry point exports', () => {
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !isNamed(page, name))).toEqual([]);
  });

  test('the page contains the name of every member of every exported interface', () => {
    const members = names.flatMap((name) => membersOf(name).map((member) => ({ name, member })));
    expect(members.length).toBeGreaterThan(40);
    expect(members.filter(({ member }) => !isNamed(page, member))).toEqual([]);
  });

  test('the page contains the name of every method of every exported class', () => {
    const methods = Object.entries(entryPoints[path] ?? {}).flatMap(([name, value]) =>
      typeof value === 'function' && value.prototype !== undefined
        ? methodsOf(value.prototype)
            .filter((method) => method !== 'constructor' && !internal.has(method))
            .map((method) => ({ name, method }))
        : [],
    );
    expect(methods.length).toBeGreaterThan(20);
    expect(methods.filter(({ method }) => !isNamed(page, method))).toEqual([]);
  });
});

test('docs/from-ws.md names every option and event of rfc6455/ws, and every member of its classes', () => {
  const page = read('docs/from-ws.md');
  const tables = ['ServerOptions', 'ClientOptions', 'ConnectionOptions', 'BoundsOptions', 'SendOptions'];
  const options = tables.flatMap((name) => membersOf(name, 'ws'));
  expect(options).toEqual(
    expect.arrayContaining(['noServer', 'finishRequest', 'maxFragments', 'maxPayload', 'fin']),
  );
  expect(options.filter((name) => !isNamed(page, name))).toEqual([]);
  const events = ['ServerEvents', 'WebSocketEvents'].flatMap((name) => membersOf(name, 'ws'));
  expect(events).toEqual(expect.arrayContaining(['wsClientError', 'upgrade']));
  expect(events.filter((name) => !isNamed(page, name))).toEqual([]);
  const methods = [ws.WebSocket, ws.WebSocketServer].flatMap(({ prototype }) => methodsOf(prototype));
  const own = methods.filter((name) => name !== 'constructor' && name !== 'wasClean');
  expect(own).toEqual(expect.arrayContaining(['setSocket', 'handleUpgrade', 'onmessage']));
  expect(own.filter((name) => !isNamed(page, name))).toEqual([]);
});

test('docs/from-websocket.md names everything that rfc6455/websocket exports and every member of its classes', () => {
  const page = read('docs/from-websocket.md');
  const names = exportsOf('src/websocket.ts');
  expect(names).toEqual(expect.arrayContaining(['WebSocket', 'CloseEvent', 'ErrorEventInit']));
  const members = names.flatMap((name) => membersOf(name, 'whatwg'));
  expect(members.length).toBeGreaterThan(25);
  const methods = Object.getOwnPropertyNames(api.WebSocket.prototype);
  const wanted = [...names, ...members, ...methods.filter((name) => name !== 'constructor')];
  expect(wanted.filter((name) => !isNamed(page, name))).toEqual([]);
});

test('docs/topics.md names everything that rfc6455/topics exports and every member', () => {
  const page = read('docs/topics.md') + read('docs/limits.md');
  const names = exportsOf('src/topics.ts');
  expect(names).toEqual(expect.arrayContaining(['Topics', 'MemoryBus', 'TopicsOptions']));
  const members = names.flatMap((name) => membersOf(name, null));
  expect(members).toEqual(expect.arrayContaining(['maxTopicLength', 'gap', 'local', 'onState']));
  const methods = methodsOf(topics.Topics.prototype).filter((name) => name !== 'constructor');
  expect(methods).toContain('publish');
  expect([...names, ...members, ...methods].filter((name) => !isNamed(page, name))).toEqual([]);
});

describe.each(['src/plugin.ts', 'src/plugin-v1.ts'])('docs/plugin.md and %s', (path) => {
  const page = read('docs/plugin.md') + read('docs/plugin-rows.md');
  const names = exportsOf(path);

  test('the page contains every name that the entry point exports', () => {
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !isNamed(page, name))).toEqual([]);
  });

  test('the page contains the name of every member of every exported interface', () => {
    const members = names.flatMap((name) => membersOf(name, 'plugin').map((member) => ({ name, member })));
    expect(members.length).toBeGreaterThan(40);
    expect(members.filter(({ member }) => !isNamed(page, member))).toEqual([]);
  });
});

test('docs/api.md or docs/limits.md names every option of connect and listen that a shared interface declares', () => {
  const options = [
    'DialOptions',
    'RequestFields',
    'TunnelOptions',
    'ConnectSettings',
    'ReconnectSettings',
    'ListenOptions',
    'ConnectionOptions',
  ].flatMap((name) => membersOf(name));
  expect(options).toEqual(expect.arrayContaining(['proxy', 'redirects', 'tls', 'port', 'host', 'heartbeat']));
  expect(options.filter((name) => !isNamed(sections['src/index.ts'] ?? '', name))).toEqual([]);
});

test('CONTRIBUTING.md and docs/maintaining.md together name every command of package.json, and no other command', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const [beginning = '', ...others] = read('docs/maintaining.md').split('\n## ');
  const table = [read('CONTRIBUTING.md').split('\n## ')[0], beginning, ...others.slice(0, 2)].join('\n');
  const named = [...table.matchAll(/`(?:npm (?:run )?)?([a-z\d:-]+)(?: [^`]*)?`/g)].map(([, name]) => name!);
  const commands = Object.keys(scripts).filter((name) => name !== 'prepare');
  expect(commands.filter((name) => !named.includes(name))).toEqual([]);
  const run = [...table.matchAll(/`npm run ([a-z\d:-]+)/g)].map(([, name]) => name!);
  expect(run.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test('FAULT-0: docs/guides/proxies.md shows the lines that each proxy needs, so that our server accepts pages of the same origin', () => {
  const guide = read('docs/guides/proxies.md');
  const rows = guide.split('\n').filter((line) => line.startsWith('| '));
  const code = [...guide.matchAll(/^```\w*\n[\s\S]*?^```/gm)].map(([block]) => block).join('\n');
  // test/interop/proxies.test.ts runs the blocks of code on this page. The table must contain the same lines.
  for (const [proxy, lines] of [
    [
      'nginx',
      [
        'proxy_http_version 1.1;',
        'proxy_set_header Upgrade $http_upgrade;',
        'proxy_set_header Connection "upgrade";',
        'proxy_set_header Host $http_host;',
      ],
    ],
    ['Apache', ['ProxyPreserveHost On', 'upgrade=websocket']],
    ['HAProxy', ['timeout tunnel']],
    ['Caddy', ['reverse_proxy 127.0.0.1:8080']],
  ] as const) {
    const row = rows.find((line) => line.startsWith(`| ${proxy}`));
    for (const line of lines) {
      expect(row, proxy).toContain(line);
      expect(code, proxy).toContain(line);
    }
  }
  expect(rows.find((line) => line.startsWith('| http-proxy-middleware'))).toContain('changeOrigin');
  expect(read('README.md')).toContain('403');
});

test('README.md states the same number of conformance cases as the matrix', () => {
  const columns = ['ours, server', 'ours, client', 'ws, server', 'ws, client'] as const;
  const count = (cell: string) => {
    const [, passed = '', , all = passed] = /^\D*(\d+)( of (\d+))?/.exec(cell) ?? [];
    return { passed: Number(passed), all: Number(all) };
  };
  const matrix = /<!-- matrix:[\s\S]*?<!-- end of matrix -->/.exec(read('docs/conformance.md'))![0];
  const rows = [...matrix.matchAll(/^\| (\d+|all) \|[^|]*\|(.+)\|$/gm)].map(([, group = '', cells = '']) => ({
    group,
    counts: cells.split('|').map(count),
  }));
  const total = rows.find(({ group }) => group === 'all')!.counts;
  // The groups 1 to 13 contain Autobahn's cases.
  const autobahn = columns.map((_, at) =>
    rows.filter(({ group }) => Number(group) <= 13).reduce((sum, { counts }) => sum + counts[at]!.passed, 0),
  );
  const text = (at: number) =>
    `${total[at]!.passed.toLocaleString('en')} of ${total[at]!.all.toLocaleString('en')}`;
  const page = read('README.md');
  expect(page.replaceAll(/\s+/g, ' ')).toContain(
    `The server passes **${text(0)}** conformance cases, and the client **${text(1)}**`,
  );
  expect(page).toContain(`| conformance cases passed, as a server | ${text(0)} | ${text(2)} |`);
  expect(page).toContain(`| conformance cases passed, as a client | ${text(1)} | ${text(3)} |`);
  expect(page).toContain(`${autobahn[0]} and ${autobahn[1]} | ${autobahn[2]} and ${autobahn[3]} |`);
});

const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll(sep, '/'))
  .filter((name) => name.endsWith('.md'));
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...docs.map((name) => `docs/${name}`),
];

/** Returns the text without code, because brackets in code are not links. */
function prose(page: string): string {
  return read(page)
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, '_'));
}

/** Returns the anchors that GitHub makes from the headings of a page. */
function anchorsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(pages)('the page %s', (page) => {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  const inside = links.filter((target) => !/^[a-z]+:/.test(target));

  test('each link of the page leads to a file or a heading that exists', () => {
    const broken = inside.filter((target) => {
      const [file = '', anchor] = target.split('#');
      const path = file === '' ? join(root, page) : join(root, dirname(page), file);
      // "npm run docs" writes this page, and its --check reports if the page is missing or out of date.
      if (relative(root, path) === join('docs', 'requirements.md')) return false;
      if (!existsSync(path)) return true;
      return anchor !== undefined && (statSync(path).isDirectory() || !anchorsOf(path).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test('if the page names a symbol and links a file, the file contains the symbol', () => {
    // Such a link has the form [`name`](path) or [`Class.member`](path).
    const named = [...read(page).matchAll(/\[`([\w.#]+)(?:\(\))?`\]\(([^)#\s]+\.(?:ts|js))\)/g)]
      .map(([, symbol = '', file = '']) => ({ symbol, path: join(root, dirname(page), file) }))
      .filter(({ symbol, path }) => !path.endsWith(symbol) && existsSync(path));
    const missing = named.filter(({ symbol, path }) => {
      const { code } = scan(readFileSync(path, 'utf8'));
      return !symbol.split('.').every((part) => new RegExp(`(?<![\\w$])${part}(?![\\w$])`).test(code));
    });
    expect(missing).toEqual([]);
  });
});

describe('the table of attacks in SECURITY.md', () => {
  const trace = traceAttacks(testFiles());
  const rows = [...read('SECURITY.md').matchAll(/^\| (A\d+) \|.*$/gm)].map(([line, id = '']) => ({
    id,
    files: [...line.matchAll(/\]\(([^)\s]+)\)/g)].map(([, file = '']) => file),
  }));

  test('the table of SECURITY.md has more than 40 attacks', () => {
    expect(rows.length).toBeGreaterThan(40);
  });

  // "npm run check" reports a new test that is missing in the column of tests.
  test.each(rows)('each test file that SECURITY.md links for $id names this attack', ({ id, files }) => {
    expect(files.filter((file) => !trace.get(id)?.includes(file))).toEqual([]);
  });
});
