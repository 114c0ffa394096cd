/** Tests the parts of the plugins that need no socket. */
import { describe, expect, test } from 'vitest';
import { cutReason } from '../../../src/api/plugin/engine-client.ts';
import { closeReason, connectErrorText, listenErrorText } from '../../../src/api/plugin/engine-texts.ts';
import { EventQueue, type QueuedEvent } from '../../../src/api/plugin/event-queue.ts';
import { fromHeaderObject, toHeaderObject } from '../../../src/api/plugin/header-object.ts';
import { IdTable } from '../../../src/api/plugin/ids.ts';
import { toCompactJson, toStyledJson } from '../../../src/api/plugin/json.ts';
import { ConnectionError } from '../../../src/frame/connection-error.ts';
import { ProtocolError, type ViolationCode, violations } from '../../../src/frame/violation.ts';
import { HandshakeError, refuse } from '../../../src/handshake/error.ts';
import { dialFailure, locate } from '../../../src/transport/dial-failure.ts';

describe('events as JSON text', () => {
  const event = { wireSize: 7, binary: false, str: 'a"\\/\n\u0001\u007f é€😀' };

  test('plugin A1.1-13, C32: the JSON text of version 2 is compact ASCII with sorted names, and the number wait_time has a fraction', () => {
    const text = toCompactJson(event);
    expect(text).toBe(
      '{"binary":false,"str":"a\\"\\\\/\\n\\u0001\u007f \\u00e9\\u20ac\\ud83d\\ude00","wireSize":7}',
    );
    expect(JSON.parse(text)).toEqual(event);
    expect(toCompactJson({ wait_time: 100, retries: 1 })).toBe('{"retries":1,"wait_time":100.0}');
    expect(toCompactJson({ wait_time: 0.5 })).toBe('{"wait_time":0.5}');
    expect(toCompactJson({ uri: '/', headers: { b: '2', A: '1' } })).toBe(
      '{"headers":{"A":"1","b":"2"},"uri":"/"}',
    );
  });

  test('plugin A2.4-4, C32: the JSON text of version 1 has one line for each property, and each line begins with a tab', () => {
    expect(toStyledJson({ wireSize: 1, data: 'x', binary: false })).toBe(
      '{\n\t"binary" : false,\n\t"data" : "x",\n\t"wireSize" : 1\n}',
    );
    expect(toStyledJson({})).toBe('{}');
  });
});

describe('header fields as an object', () => {
  test('plugin A0.6-7, C46: the values of names that differ only in case are joined under the first name, and the object has no prototype', () => {
    const object = toHeaderObject(['X-A', ' 1 ', 'x-a', '2', '__proto__', '3', 'X-a', '4']);
    expect(Object.entries(object)).toEqual([
      ['X-A', '1, 2, 4'],
      ['__proto__', '3'],
    ]);
  });

  test('plugin A1.2-3: only texts are kept; if two names differ only in case, the first name and the last value are kept', () => {
    expect(fromHeaderObject({ 'X-A': '1', n: 1, o: {}, 'x-a': '2', b: 'B' })).toEqual(['X-A', '2', 'b', 'B']);
    for (const wrong of [null, 'text', 7, undefined]) expect(fromHeaderObject(wrong)).toEqual([]);
  });
});

describe('numbers of clients and servers', () => {
  test('plugin A0-7: clients get the numbers 1, 2, 3, …, servers get -1, -2, -3, …, and the smallest free number is used first', () => {
    for (const sign of [1, -1] as const) {
      const table = new IdTable<number>(sign);
      const add = (): number => table.add((id) => id);
      expect([add(), add(), add()]).toEqual([sign, 2 * sign, 3 * sign]);
      table.remove(2 * sign);
      expect(table.get(2 * sign)).toBeUndefined();
      expect(add()).toBe(4 * sign);
      table.free(2 * sign);
      expect(add()).toBe(2 * sign);
    }
  });
});

describe('close reasons', () => {
  test('plugin C28: a close reason of more than 123 bytes is cut between two characters', () => {
    expect(cutReason('x'.repeat(123))).toBe('x'.repeat(123));
    expect(cutReason('x'.repeat(124))).toBe('x'.repeat(123));
    expect(cutReason(`x${'€'.repeat(41)}`)).toBe(`x${'€'.repeat(40)}`);
    expect(cutReason(`${'x'.repeat(121)}😀`)).toBe('x'.repeat(121));
  });

  test('plugin C37: a lone surrogate in a close reason becomes U+FFFD', () => {
    expect(cutReason('a\ud800b')).toBe('a\ufffdb');
    expect(cutReason('\ud83d'.repeat(60))).toBe('\ufffd'.repeat(41));
  });

  test('plugin A0.3-14: for each violation, the close reason has the text of the original plugin, and each text fits into a Close frame', () => {
    const word = (code: ViolationCode): string => closeReason(new ProtocolError(code));
    expect(word('WS_RESERVED_BITS')).toBe('Reserved bit used');
    expect(word('WS_FRAGMENTED_CONTROL')).toBe('Control message fragmented');
    expect(word('WS_INTERLEAVED_MESSAGE')).toBe('Fragmentation: data message out of sequence');
    expect(word('WS_UNEXPECTED_CONTINUATION')).toBe('Fragmentation: continuation opcode out of sequence');
    expect(word('WS_CONTROL_TOO_LONG')).toBe('Ping reason control frame with payload length > 125 octets');
    expect(word('WS_UNKNOWN_OPCODE')).toBe('Protocol error');
    for (const code of Object.keys(violations) as ViolationCode[]) {
      expect(Buffer.byteLength(word(code))).toBeLessThanOrEqual(123);
    }
    expect(closeReason(new ConnectionError('WS_HEARTBEAT_TIMEOUT'))).toBe('Ping timeout');
    expect(closeReason(new Error('secret'))).toBe('Internal error');
  });
});

describe('errorStr', () => {
  const url = 'wss://example.org/x?y';
  const system = (code: string, stage: 'tcp' | 'dns' | 'tls'): HandshakeError =>
    new HandshakeError(code, 'text', { stage });

  test.each<[string, Error, string]>([
    ['url', refuse('WS_URL_SYNTAX'), `Could not parse url: '${url}'`],
    [
      'refused',
      system('ECONNREFUSED', 'tcp'),
      'Unable to connect to example.org on port 443, error: Connect error: Connection refused',
    ],
    ['dns', system('ENOTFOUND', 'dns'), 'Unable to connect to example.org on port 443, error: text'],
    ['tls', system('CERT_HAS_EXPIRED', 'tls'), 'Unable to connect to example.org on port 443, error: text'],
    [
      'timeout',
      dialFailure('WS_DIAL_TIMEOUT'),
      'Unable to connect to example.org on port 443, error: Cancelled',
    ],
    ['closed', dialFailure('WS_DIAL_CLOSED'), `Failed reading HTTP status line from ${url}`],
    [
      'status',
      refuse('WS_RESPONSE_STATUS', { status: 404 }),
      `Expecting status 101 (Switching Protocol), got 404 status connecting to ${url}, HTTP Status line: HTTP/1.1 404`,
    ],
    ['no connection', refuse('WS_RESPONSE_CONNECTION', { value: null }), 'Missing connection value'],
    [
      'other connection',
      refuse('WS_RESPONSE_CONNECTION', { value: 'clo\u001b[1m' }),
      'Invalid connection value: clo\\u001b[1m',
    ],
    ['accept', refuse('WS_RESPONSE_ACCEPT'), 'Invalid Sec-WebSocket-Accept value'],
    [
      'extension',
      refuse('WS_RESPONSE_EXTENSION_NOT_OFFERED'),
      'Failed to initialize per message deflate engine',
    ],
    ['another error', new TypeError('headers'), 'headers'],
  ])('plugin A0.6-10: errorStr has the text of the original plugin: %s', (_name, error, text) => {
    expect(connectErrorText(error, url)).toBe(text);
  });

  test('plugin A0.6-10: the errors of version 1 have the texts of the original plugin, version 5.1.6', () => {
    expect(connectErrorText(refuse('WS_RESPONSE_STATUS', { status: 404 }), url, '5.1.6')).toBe(
      'Got bad status connecting to example.org, status: 404, HTTP Status line: HTTP/1.1 404',
    );
    expect(connectErrorText(refuse('WS_RESPONSE_HTTP_VERSION'), url, '5.1.6')).toBe(
      'Server version is HTTP/1.0. Rejecting connection to example.org',
    );
    const accept = refuse('WS_RESPONSE_ACCEPT');
    expect(connectErrorText(accept, url, '5.1.6')).toBe(connectErrorText(accept, url));
  });

  test('plugin A0.6-10: the texts of other errors begin like the texts of the original plugin', () => {
    const begin = (error: Error): string => connectErrorText(error, url);
    expect(begin(refuse('WS_RESPONSE_HTTP_VERSION'))).toMatch(/^Expecting HTTP\/1\.1, got /);
    expect(begin(refuse('WS_HANDSHAKE_START_LINE', { stage: 'http' }))).toMatch(
      /^Expecting HTTP\/1\.1, got /,
    );
    expect(begin(refuse('WS_HANDSHAKE_HEADER_LINE', { stage: 'http' }))).toMatch(
      /^Error parsing HTTP headers/,
    );
    expect(begin(dialFailure('WS_REDIRECT_LOCATION'))).toMatch(/^Missing Location Header for HTTP Redirect/);
    expect(begin(dialFailure('WS_REDIRECT_LIMIT'))).toMatch(/redirects/);
    // The texts of the original plugin contain the URL only once, and so do these texts.
    const located = locate(system('CERT_HAS_EXPIRED', 'tls'), 'wss://example.org/');
    expect(located.message).toBe('text [wss://example.org/]');
    expect(connectErrorText(located, 'wss://example.org/')).toBe(
      'Unable to connect to example.org on port 443, error: text',
    );
    expect(connectErrorText(system('ENOTFOUND', 'dns'), 'no url')).toMatch(/^Unable to connect to no url on/);
  });

  test('plugin A0.10-6: if a server cannot listen, the error contains bind or inet_pton and the address; other errors are unchanged', () => {
    const error = (code: string, syscall?: string): Error =>
      Object.assign(new Error('text'), { code, ...(syscall === undefined ? null : { syscall }) });
    const where = '127.0.0.1:80';
    expect(listenErrorText(error('EADDRINUSE', 'listen'), where)).toBe(
      `SocketServer::listen() error calling bind at address ${where} : Address already in use`,
    );
    expect(listenErrorText(error('EOTHER', 'listen'), where)).toBe(
      `SocketServer::listen() error calling bind at address ${where} : text`,
    );
    expect(listenErrorText(error('ENOTFOUND', 'getaddrinfo'), where)).toBe(
      `SocketServer::listen() error calling inet_pton at address ${where} : text`,
    );
    expect(listenErrorText(error('ERR_SOCKET_BAD_PORT'), where)).toBe('text');
    expect(listenErrorText(error('ENOENT', 'open'), where)).toBe('text');
  });
});

describe('the event queue', () => {
  interface Numbered extends QueuedEvent {
    readonly number: number;
  }

  function source(): QueuedEvent['source'] & { settled: number } {
    return {
      queued: 0,
      settled: 0,
      onSettled() {
        this.settled++;
      },
    };
  }

  test('plugin A1.12-1, C42: 1,000 events are delivered in order and one at a time, even if the callback awaits 1 ms for each event', async () => {
    const numbers: number[] = [];
    let running = 0;
    let most = 0;
    const queue = new EventQueue<Numbered>(async ({ number }) => {
      most = Math.max(most, ++running);
      numbers.push(number);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
    }, false);
    const one = source();
    for (let number = 0; number < 1_000; number++) queue.push({ source: one, size: 0, number });
    expect(numbers).toEqual([]);
    await queue.idle();
    expect(numbers).toEqual(Array.from({ length: 1_000 }, (_, number) => number));
    expect(most).toBe(1);
    expect(one).toMatchObject({ queued: 0, settled: 1 });
  });

  test('plugin C42: if a callback throws or its Promise rejects, the error is reported, and the queue continues', async () => {
    const numbers: number[] = [];
    const errors: unknown[] = [];
    const queue = new EventQueue<Numbered>(({ number }) => {
      numbers.push(number);
      if (number === 1) throw new Error('thrown');
      if (number === 2) return Promise.reject(new Error('rejected'));
      return undefined;
    }, false);
    queue.onError = (error) => {
      errors.push((error as Error).message);
      throw new Error('and the hook as well');
    };
    const warnings: string[] = [];
    const listener = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listener);
    for (let number = 0; number < 4; number++) queue.push({ source: source(), size: 0, number });
    await queue.idle();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    expect(numbers).toEqual([0, 1, 2, 3]);
    expect(errors).toEqual(['thrown', 'rejected']);
    // The second exception has the same text. There is one warning a minute for each text.
    expect(warnings).toEqual(['and the hook as well']);
  });

  test('plugin C42: with `awaits: false`, an event does not wait for the Promise of the previous callback, and a rejection is reported', async () => {
    const numbers: number[] = [];
    const errors: unknown[] = [];
    const queue = new EventQueue<Numbered>(({ number }) => {
      numbers.push(number);
      return number === 0 ? new Promise(() => {}) : Promise.reject(new Error('late'));
    }, false);
    queue.awaits = false;
    queue.onError = (error) => errors.push((error as Error).message);
    for (let number = 0; number < 2; number++) queue.push({ source: source(), size: 0, number });
    await queue.idle();
    expect(numbers).toEqual([0, 1]);
    expect(errors).toEqual(['late']);
  });

  test('plugin C43: events wait until release is called; if too many events or bytes wait, the oldest events are dropped and reported', async () => {
    const numbers: number[] = [];
    const queue = new EventQueue<Numbered>(({ number }) => void numbers.push(number), true);
    const drops: number[] = [];
    queue.onDrop = (dropped) => drops.push(dropped);
    queue.limit = 3;
    const one = source();
    for (let number = 0; number < 5; number++) queue.push({ source: one, size: 0, number });
    await new Promise((resolve) => setImmediate(resolve));
    expect(numbers).toEqual([]);
    expect([queue.waiting, queue.dropped, drops]).toEqual([3, 2, [1, 2]]);
    queue.maxBytes = 1_000;
    queue.push({ source: one, size: 5_000, number: 5 });
    expect(queue.waiting).toBe(1);
    queue.release();
    await queue.idle();
    expect(numbers).toEqual([5]);
    expect(one.queued).toBe(0);
    expect(new EventQueue(() => {}, true)).toMatchObject({ limit: 10_000, maxBytes: 67_108_864 });
  });

  test('plugin C43: if the Promise of onError or onDrop rejects, the process emits a warning [A48]', async () => {
    const warnings: string[] = [];
    const listener = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listener);
    const queue = new EventQueue<Numbered>(() => {
      throw new Error('in the callback');
    }, true);
    queue.limit = 1;
    queue.onDrop = async () => Promise.reject(new Error('in onDrop'));
    queue.onError = async () => Promise.reject(new Error('in onError'));
    for (let number = 0; number < 2; number++) queue.push({ source: source(), size: 0, number });
    queue.release();
    await queue.idle();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    expect(warnings).toEqual(['in onDrop', 'in onError']);
  });

  test('plugin C43: without onDrop, the first dropped event causes a process warning', async () => {
    const warnings: string[] = [];
    const listener = (warning: Error): void => void warnings.push(warning.message);
    process.on('warning', listener);
    const queue = new EventQueue<Numbered>(() => {}, true);
    queue.limit = 1;
    for (let number = 0; number < 5; number++) queue.push({ source: source(), size: 0, number });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listener);
    expect(warnings).toEqual(['the event queue is full: the oldest of 1 events are being dropped']);
    expect(queue.dropped).toBe(4);
  });
});
