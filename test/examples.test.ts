/**
 * Runs each file of examples/ in the same way as a reader. The file imports the built package by name. The tests connect to the example
 * servers and stop them with SIGINT. The other programs end by themselves.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type Connection, connect } from '../src/index.ts';
import { until } from './api/pair.ts';
import { enterEverywhere, Member, talk } from './chat-cluster.ts';
import { killPrograms, type Program, startProgram } from './program.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const certificates = join(root, 'test', 'fixtures', 'tls');

afterEach(killPrograms);

function start(name: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Program {
  return startProgram(root, join('examples', name), args, env);
}

/** Stops an example server in the same way as Ctrl-C, and checks that it ends with status 0. @returns the output of the server */
async function interrupt({ child, ended }: Program): Promise<string> {
  child.kill('SIGINT');
  const { status, output } = await ended;
  expect(status, output).toBe(0);
  return output;
}

/** Returns the next messages of a connection. */
async function read(connection: Connection, count: number): Promise<(string | Buffer)[]> {
  const messages: (string | Buffer)[] = [];
  const iterator = connection[Symbol.asyncIterator]();
  while (messages.length < count) {
    const { done, value } = await iterator.next();
    if (done) break;
    messages.push(value);
  }
  return messages;
}

const tested = new Set<string>();
function example(name: string, run: (name: string) => Promise<void>): void {
  tested.add(name);
  test(name, () => run(name));
}

// On Windows, a child process cannot handle SIGINT. It would be killed.
describe.skipIf(process.platform === 'win32')(
  'an example server serves its clients and stops with Ctrl-C',
  () => {
    example('echo-server.js', async (name) => {
      const server = start(name);
      const connection = await connect(await server.listening);
      connection.send('hello');
      expect(await read(connection, 1)).toEqual(['hello']);
      await interrupt(server);
      expect(await connection.closed).toMatchObject({ code: 1001, wasClean: true });
    });

    example('client.js', async (name) => {
      const server = start('echo-server.js');
      const url = await server.listening;
      const { status, output } = await start(name, [url, 'hello', 'tab\there']).ended;
      expect(output).toBe('"hello"\n"tab\\there"\nclosed: 1000, clean\n');
      expect(status).toBe(0);
      await interrupt(server);
      const refused = await start(name, [url, 'hello']).ended;
      expect(refused.status).toBe(1);
      expect(refused.output).toMatch(/^no connection \(tcp\): .*ECONNREFUSED/);
    });

    example('chat.js', async (name) => {
      const server = start(name);
      const url = await server.listening;
      const ann = await connect(`${url}garden?name=Ann`);
      expect(await read(ann, 1)).toEqual(['* Ann came, 1 here']);
      const bob = await connect(`${url}garden?name=Bob`);
      expect(await read(bob, 1)).toEqual(['* Bob came, 2 here']);
      const elsewhere = await connect(`${url}kitchen?name=Cem`);
      bob.send('hello');
      bob.close();
      const last = await connect(`${url}garden?name=Dan`);
      expect(await read(elsewhere, 1)).toEqual(['* Cem came, 1 here']);
      await Promise.all([bob.closed, last.close(), elsewhere.close()]);

      await expect(connect(`${url}../?name=Ann`)).rejects.toMatchObject({ status: 404 });
      await expect(connect(`${url}garden`)).rejects.toMatchObject({ status: 400 });
      await interrupt(server);
      expect(await ann.closed).toMatchObject({ code: 1001, reason: 'the chat is closing' });
    });

    example('http-attach.js', async (name) => {
      const server = start(name);
      const url = await server.listening;
      const page = await fetch(url);
      expect(await page.text()).toContain("new WebSocket('ws://' + location.host + '/echo')");
      expect((await fetch(`${url}nothing`)).status).toBe(404);

      const echo = await connect(`${url}echo`, { origin: url.slice(0, -1) });
      echo.send('hello');
      expect(await read(echo, 1)).toEqual(['hello']);
      const time = await connect(`${url}time`);
      expect((await read(time, 2)).map((value) => Number.isNaN(Date.parse(String(value))))).toEqual([
        false,
        false,
      ]);
      await expect(connect(`${url}elsewhere`)).rejects.toMatchObject({ status: 404 });
      await expect(connect(`${url}echo`, { origin: 'http://evil.example' })).rejects.toMatchObject({
        status: 403,
      });
      await interrupt(server);
      expect((await echo.closed).code).toBe(1001);
      expect((await time.closed).code).toBe(1001);
    });

    example('dashboard.js', async (name) => {
      const server = start(name);
      const url = await server.listening;
      expect(await (await fetch(url)).text()).toContain("new WebSocket('ws://' + location.host + '/values')");
      const address = `${url.replace('http', 'ws')}values`;
      const slow = await connect(address);
      slow.pause();
      const fast = await connect(address);
      const seen = (await read(fast, 60)).map((message) => JSON.parse(String(message)));
      expect(new Set(seen.map(({ name: place }) => place)).size).toBe(10);
      for (const place of new Set(seen.map((one) => one.name))) {
        const times = seen.filter((one) => one.name === place).map(({ at }) => at);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }
      // While the client did not read, the server sent the first batches. After that, it kept only the newest value for each of the ten
      // names.
      slow.resume();
      const late = seen.at(-1).at;
      const texts = await read(slow, 60);
      const old = texts.filter((message) => JSON.parse(String(message)).at < late);
      expect(old.length).toBeLessThan(60);
      // These clients do not read, so they would not receive the Close frame.
      for (const connection of [fast, slow]) connection.terminate();
      await interrupt(server);
    });

    example('chat-cluster.js', async (name) => {
      const chat = start(name, [], { REDIS_URL: undefined, NATS_URL: undefined });
      const url = await chat.listening;
      expect(await (await fetch(url)).text()).toContain("new WebSocket('ws://' + location.host + '/chat?'");
      const elsewhere = await Member.enter(url, 'kitchen', 'Zoe');
      const members = await enterEverywhere(url, 'garden', ['Ann', 'Bob', 'Cem', 'Dan']);
      await talk(members, 'hello', 50);

      const haveList = (names: string) => members.every(({ people }) => people.join() === names);
      await until(() => haveList('Ann,Bob,Cem,Dan'));
      const guest = await Member.enter(url, 'garden', 'Eve');
      await until(() => haveList('Ann,Bob,Cem,Dan,Eve') && guest.people.length === 5);
      guest.say('/name Fay');
      guest.say('/name ***');
      guest.say('this is Fay');
      await until(() => haveList('Ann,Bob,Cem,Dan,Fay') && guest.people.includes('Fay'));
      await until(() => members.every(({ lines }) => lines.at(-1) === 'Fay: this is Fay'));
      expect(members.every(({ lines }) => lines.at(-2) === '* Eve is now Fay')).toBe(true);
      await until(() => guest.lines.at(-1) === 'Fay: this is Fay');
      expect(guest.lines.at(-2)).toBe('* A name is 1 to 20 letters and digits');
      expect(guest.name).toBe('Fay');
      await guest.leave();
      await until(() => haveList('Ann,Bob,Cem,Dan'));
      expect(elsewhere.people).toEqual(['Zoe']);

      const [killed, ...others] = members;
      process.kill(killed!.process, 'SIGKILL');
      expect(await killed!.closed).toMatchObject({ code: 1006 });
      await talk(others, 'without it', 50);
      // The primary gives new connections to the killed process until it notices the end of this process.
      await until(() => chat.hasWritten(`process ${killed!.process} ended`));
      const back = await Member.enter(url, 'garden', killed!.name, '');
      await until(() => ['Ann', 'Bob', 'Cem', 'Dan'].every((name) => back.people.includes(name)));
      await talk([...others, back], 'with it', 50);
      // Without a history, a member has no offset.
      expect(killed!.offset).toBe(null);
      expect(back.lines[0]).toBe('* Lines may be missing here');
      for (const { lines } of others) {
        expect(lines.filter((line) => line.startsWith('* Lines') || line.includes('away'))).toEqual([]);
      }
      expect(elsewhere.lines).toEqual([`* You are with process ${elsewhere.process}`]);

      for (const query of ['room=Garden&name=Ann', 'room=garden', 'room=garden&name=%00']) {
        await expect(connect(`${url.replace('http', 'ws')}chat?${query}`)).rejects.toMatchObject({
          status: 400,
        });
      }
      expect(await interrupt(chat)).toContain(`process ${killed!.process} ended: SIGKILL\n`);
      const reason = 'the chat is closing';
      for (const member of [...others, back]) {
        expect(await member.closed).toMatchObject({ code: 1001, reason });
      }
    });

    example('authentication.js', async (name) => {
      const server = start(name, [], { TOKEN: 'secret' });
      const url = await server.listening;
      const connection = await connect(url, { headers: { Authorization: 'Bearer secret' } });
      expect(await read(connection, 1)).toEqual([expect.stringMatching(/^welcome, authorized at 2/)]);
      for (const headers of [{}, { Authorization: 'Bearer secre' }, { Authorization: 'Basic secret' }]) {
        const error = await connect(url, { headers }).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ status: 401, stage: 'http', code: 'WS_RESPONSE_STATUS' });
        expect(error).toMatchObject({ headers: expect.arrayContaining(['WWW-Authenticate', 'Bearer']) });
      }
      const output = await interrupt(server);
      expect(output.match(/^refused: 401 WS_HANDSHAKE_REJECTED$/gm)).toHaveLength(3);

      expect(await start(name, [], { TOKEN: '' }).ended).toMatchObject({ status: 2 });
    });
  },
);

describe.skipIf(process.platform === 'win32')(
  "an example server with 4D's classes serves its clients and stops with Ctrl-C",
  () => {
    example('4d/uppercase.js', async (name) => {
      const server = start(name);
      const connection = await connect(await server.listening);
      connection.send('héllo');
      expect(await read(connection, 1)).toEqual(['HÉLLO']);
      await interrupt(server);
      expect(await connection.closed).toMatchObject({ code: 1001, wasClean: true });
    });

    example('4d/chat.js', async (name) => {
      const server = start(name);
      const page = await server.listening;
      const html = await (await fetch(page)).text();
      expect(html).toContain('<script src="chat.js" defer>');
      expect((await fetch(`${page}chat.js`)).headers.get('Content-Type')).toMatch(/^text\/javascript/);

      const url = page.replace('http', 'ws');
      const ann = await connect(url);
      expect(await read(ann, 1)).toEqual(['Welcome on the chat!']);
      const bob = await connect(url);
      const cem = await connect(url);
      cem.send('hello');
      cem.close();
      const lines = ['Welcome on the chat!', 'New client connected', 'hello', 'Client disconnected'];
      const reader = bob[Symbol.asyncIterator]();
      for (const line of lines) expect(await reader.next()).toEqual({ done: false, value: line });
      const output = await interrupt(server);
      expect(await ann.closed).toMatchObject({ code: 1001, wasClean: true });
      expect(output).toMatch(/^\*\*\* Server started$/m);
      expect(output).toMatch(/\*\*\* Server closed\n$/);
      expect((await bob.closed).code).toBe(1001);
    });

    test('4d/chat.js cancels the connection of an address that VerifyAddress does not know', async () => {
      const server = start('4d/chat.js', [], { ALLOWED: '192.0.2.1' });
      const url = (await server.listening).replace('http', 'ws');
      await expect(connect(url)).rejects.toMatchObject({ status: 403 });
      await interrupt(server);
    });
  },
);

/**
 * Removes the parts of a program that may differ between the page and the file: comments, types, and values that the environment may
 * change.
 */
function bare(code: string): string {
  return code
    .replace(/\/\*\*[\s\S]*?\*\//g, '')
    .replace(/^ *\/\/.*$/gm, '')
    .replace(/^( *(?!if|for)\w+)\([^)]*\) \{$/gm, '$1() {')
    .replace('Number(process.env.PORT ?? 8080)', '8080')
    .replaceAll('?.', '.')
    .replace(/\n(?: *\n)+/g, '\n')
    .trim();
}

describe('docs/4d.md shows the code of the examples beside the code of 4D', () => {
  const page = readFileSync(join(root, 'docs', '4d.md'), 'utf8');
  const part = (from: string, to: string): string => page.slice(page.indexOf(from), page.indexOf(to));

  test.each([
    ['4d/uppercase.js', part('### The upper-case server', '### The chat'), 3],
    ['4d/chat.js', part('### The chat', '### A client'), 2],
  ] as const)('the code of %s is on the page', (name, section, count) => {
    const blocks = [...section.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, code = '']) => bare(code));
    const code = bare(readFileSync(join(root, 'examples', name), 'utf8'));
    expect(blocks).toHaveLength(count);
    for (const block of blocks) expect(code).toContain(block);
  });
});

describe('an example program that ends by itself', () => {
  example('tls.js', async (name) => {
    const files = ['localhost-cert.pem', 'localhost-key.pem', 'ca-cert.pem'];
    const { status, output } = await start(
      name,
      files.map((file) => join(certificates, file)),
    ).ended;
    expect(output).toBe('over TLS\n');
    expect(status).toBe(0);
  });

  example('backpressure.js', async (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'rfc6455-'));
    try {
      // This is more data than the system buffers of both sockets can hold.
      const size = 64 * 1_048_576;
      const file = join(folder, 'large');
      writeFileSync(file, '');
      truncateSync(file, size);
      const { status, output } = await start(name, [file]).ended;
      expect(status, output).toBe(0);
      expect(output).toContain(`received ${size} of ${size} bytes\n`);
      const [, waits, most] = /waited (\d+) times for drain; at most (\d+) bytes/.exec(output) ?? [];
      expect(Number(waits)).toBeGreaterThan(0);
      // One chunk of 256 KiB and its header may wait in addition to the high-water mark of 64 KiB.
      expect(Number(most)).toBeGreaterThan(65_536);
      expect(Number(most)).toBeLessThanOrEqual(65_536 + 262_144 + 10);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  example('upload.js', async (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'rfc6455-'));
    try {
      const server = start(name, [], { FOLDER: folder });
      const url = await server.listening;
      const text = join(folder, 'text.txt');
      writeFileSync(text, 'Größe 😀\n'.repeat(200_000));
      const bytes = join(folder, 'bytes');
      writeFileSync(bytes, '');
      truncateSync(bytes, 5_000_000);
      const outputs = [await start(name, [url, text]).ended, await start(name, [url, bytes]).ended];
      expect(outputs).toEqual([
        { status: 0, output: '1.txt: 2600000 bytes\n' },
        { status: 0, output: '2.bin: 5000000 bytes\n' },
      ]);
      expect(readFileSync(join(folder, '1.txt')).equals(readFileSync(text))).toBe(true);
      expect(readFileSync(join(folder, '2.bin')).equals(readFileSync(bytes))).toBe(true);
      expect(await interrupt(server)).not.toMatch(/error/i);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  example('sans-io.js', async (name) => {
    const { status, output } = await start(name).ended;
    expect(status, output).toBe(0);
    expect(output.trim().split('\n')).toEqual([
      'agreed on chat.v1',
      'server received "hello"',
      'server received a fragment',
      'server received a fragment',
      'server received "in three frames"',
      'client received 10000 bytes',
      'client answered a ping: there?',
      'server received a pong: there?',
      'client: closing, by us',
      'server: closing, by the peer',
      'client closed: 1000 "done" clean: true',
      'server closed: 1000 "done" clean: true',
    ]);
  });
});

describe('an example that uses the 4D plugins', () => {
  example('plugin/greeting.js', async (name) => {
    const files = ['localhost-cert.pem', 'localhost-key.pem'];
    const { status, output } = await start(
      name,
      files.map((file) => join(certificates, file)),
    ).ended;
    expect(status, output).toBe(0);
    const [first, ...lines] = output.trim().split('\n');
    expect(first).toMatch(/^listening on wss:\/\/localhost:\d+\/$/);
    expect(lines.sort()).toEqual([
      'the server heard: thank you, says window 1',
      'the server heard: thank you, says window 2',
      'window 1 heard: hello /api?window=1',
      'window 2 heard: hello /api?window=2',
    ]);
  });

  example('plugin/event-logger.js', async (name) => {
    const { status, output } = await start(name).ended;
    expect(status, output).toBe(0);
    const types = [...output.matchAll(/^(client|server).*?: (\w+) \{.*\} → logger 1 2$/gm)].map(
      ([, end, type]) => `${end} ${type}`,
    );
    expect(new Set(types)).toEqual(
      new Set([
        'client open',
        'client pong',
        'client close',
        'client error',
        'server open',
        'server fragment',
        'server message',
        'server ping',
        'server close',
      ]),
    );
    expect(output).toMatch(/^attempt 1 failed, the next one follows in 100 ms$/m);
  });
});

test('every file of examples/ has a test', () => {
  const programs = readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    // A folder named "page" contains files that a program serves. test/ecosystem tests the programs in examples/ecosystem.
    .filter((path) => path.endsWith('.js') && !path.includes('/page/') && !path.startsWith('ecosystem/'));
  expect([...tested].sort()).toEqual(programs.sort());
});
