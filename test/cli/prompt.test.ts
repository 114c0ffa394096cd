/** Tests `connect` at a terminal. Streams replace the real terminal. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/cli/connect.ts';
import { type Connection, WebSocketServer } from '../../src/index.ts';

let server: WebSocketServer;
let url: string;
let received: string[];
/** Resolves with the close code and the reason that the server received. */
let closed: Promise<string>;
let onClosed: (text: string) => void;
let onOpen: (connection: Connection) => void;
beforeAll(async () => {
  server = new WebSocketServer({
    open: (connection) => onOpen(connection),
    message(connection, message) {
      received.push(String(message));
      connection.send(message);
    },
    close(_connection, code, reason) {
      onClosed(`${code} ${reason}`);
    },
  });
  url = `ws://127.0.0.1:${(await server.listen()).port}/`;
});
beforeEach(() => {
  received = [];
  onOpen = () => {};
  expectClose();
});

// Each test closes its connection, so that it does not affect the next test.
afterEach(async () => {
  await closed;
});

function expectClose(): void {
  closed = new Promise((resolve) => {
    onClosed = resolve;
  });
}

afterAll(() => server.shutdown({ grace: 100 }));

/** Simulates a person at a terminal. */
class Person {
  readonly stdin = Object.assign(new PassThrough(), { isTTY: true });
  readonly stdout: PassThrough & { isTTY: boolean };
  readonly stderr = Object.assign(new PassThrough(), { isTTY: true });
  readonly exit: Promise<number>;
  /** The output on the screen, in the order of its arrival. */
  screen = '';

  constructor(options: { readonly isTTY?: boolean } = {}) {
    this.stdout = Object.assign(new PassThrough(), { isTTY: options.isTTY ?? true });
    for (const stream of [this.stdout, this.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.screen += text;
      });
    }
    this.exit = connect([url], this);
    this.exit.catch(() => {});
    onTestFinished(() => {
      this.stdin.destroy();
    });
  }

  type(line: string): void {
    this.stdin.write(`${line}\n`);
  }

  async sees(text: string | RegExp): Promise<void> {
    while (!(typeof text === 'string' ? this.screen.includes(text) : text.test(this.screen))) {
      await Promise.race([once(this.stdout, 'data'), once(this.stderr, 'data')]);
    }
  }
}

/** Returns the text of the screen without the prompt and without its escape sequences. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the library prints them.
const plain = (screen: string): string => screen.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '').replaceAll(/> ?/g, '');

test('connect sends a typed line as a message, and marks each received message with <', async () => {
  const person = new Person();
  await person.sees('connected to');
  await person.sees('> ');
  person.type('hello');
  await person.sees('< hello\n');
  person.type('');
  person.type('//ping');
  await person.sees('< /ping\n');
  person.type('/close');
  expect(await person.exit).toBe(0);
  expect(received).toEqual(['hello', '/ping']);
  expect(await closed).toBe('1000 ');
  expect(person.screen).toContain('closed: 1000 (normal closure)\n');
});

test('if a message arrives while a line is typed, connect prints the typed text again after the message', async () => {
  const person = new Person();
  await person.sees('connected to');
  person.stdin.write('half a li');
  await person.sees('half a li');
  const before = person.screen.length;
  for (const connection of server.connections) connection.send('news\x1b[2J');
  await person.sees('< news');
  await person.sees(/news[\s\S]*half a li/);
  // The typed line is cleared first, and the escape sequence of the peer is printed as text.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the library prints them.
  expect(person.screen.slice(before)).toMatch(/^\x1b\[2K\x1b\[1G< news\\x1b\[2J\n/);
  person.type('ne');
  await person.sees('< half a line\n');
  person.type('/close');
  await person.exit;
});

test('/ping prints the time until its pong arrives', async () => {
  const person = new Person();
  await person.sees('connected to');
  person.type('/ping');
  await person.sees(/pong after \d+\.\d ms\n/);
  person.type('/close');
  expect(await person.exit).toBe(0);
});

test('/close accepts a code and a reason, and if one of them is invalid, connect prints why', async () => {
  const person = new Person();
  await person.sees('connected to');
  person.type('/close 1005');
  await person.sees('1005');
  person.type('/close soon');
  await person.sees('NaN');
  person.type(`/close 3000 ${'x'.repeat(124)}`);
  await person.sees(/12[34]/);
  expect([...server.connections].map(({ state }) => state)).toEqual(['open']);
  person.type('/close 3000 that is all');
  expect(await person.exit).toBe(1);
  expect(await closed).toBe('3000 that is all');
});

test('connect does not send an unknown command to the server', async () => {
  const person = new Person();
  await person.sees('connected to');
  person.type('/quit');
  await person.sees('there is /ping and /close; //quit sends this as it is\n');
  person.type('/close');
  expect(await person.exit).toBe(0);
  expect(await closed).toBe('1000 ');
  expect(received).toEqual([]);
});

test('Ctrl-D closes the connection with 1000, and Ctrl-C closes it with 1001', async () => {
  for (const [key, code, exit] of [
    ['\x04', 1000, 0],
    ['\x03', 1001, 1],
  ] as const) {
    expectClose();
    const person = new Person();
    await person.sees('> ');
    person.stdin.write(key);
    expect(await person.exit).toBe(exit);
    expect(await closed).toBe(`${code} `);
  }
});

test('connect closes the connection if its terminal is closed', async () => {
  const person = new Person();
  await person.sees('> ');
  person.stdin.destroy(new Error('EIO'));
  expect(await person.exit).toBe(0);
  expect(await closed).toBe('1000 ');
});

test('when the server closes the connection, no prompt stays visible', async () => {
  onOpen = (connection) => {
    connection.send('one');
    connection.close(1001, 'maintenance\n');
  };
  const person = new Person();
  expect(await person.exit).toBe(1);
  await person.sees('maintenance');
  expect(plain(person.screen)).toMatch(
    /< one\n[\s\S]*closed by the server: 1001 \(going away\): maintenance\\n\n$/,
  );
});

test('if the input is a terminal but the output is not, the commands work, and the output has no prompt and no < before messages', async () => {
  const person = new Person({ isTTY: false });
  await person.sees('connected to');
  person.type('hello');
  await person.sees('hello\n');
  person.type('/close');
  expect(await person.exit).toBe(0);
  expect(person.screen).toBe(`connected to ${url}\nhello\nclosed: 1000 (normal closure)\n`);
});
