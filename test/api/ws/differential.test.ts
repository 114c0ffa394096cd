/**
 * Runs the same programs with our classes and with the classes of the package `ws`. The events of both packages have to be the same, with
 * the same values and in the same order.
 */
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'vitest';
import type { ClientOptions, WebSocket as OracleSocket, ServerOptions } from 'ws';
import {
  closed,
  compare,
  once,
  oracle,
  type Package,
  type Program,
  serve,
  serveHttp,
  watch,
} from './oracle.ts';

/** Returns a program that records the events of a server and a client. The server calls `onServer` for each connection. */
function pair(
  onServer: (webSocket: OracleSocket, request: IncomingMessage) => void,
  onClient: (webSocket: OracleSocket) => void,
  options: ServerOptions = {},
  clientOptions: ClientOptions = {},
  protocols?: string[],
): Program {
  return async ({ Server, Client, sides }) => {
    const { server, url } = await serve(Server, options);
    const connection = once(server, 'connection');
    server.on('connection', (webSocket, request) => {
      watch(webSocket, sides.server);
      onServer(webSocket, request);
    });
    const client = new Client(url, protocols ?? [], clientOptions);
    watch(client, sides.client);
    onClient(client);
    const [webSocket] = (await connection) as [OracleSocket];
    await closed(client, webSocket);
  };
}

const echo = (webSocket: OracleSocket): void => {
  webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
};
const nothing = (): void => {};

/** Sends these messages after the client has opened. After the same number of answers, closes the client. */
const sending =
  (...messages: unknown[]) =>
  (client: OracleSocket): void => {
    let answers = 0;
    client.on('open', () => {
      for (const message of messages) client.send(message as string);
    });
    client.on('message', () => {
      if (++answers === messages.length) client.close(1000, 'done');
    });
  };

/** Writes these bytes directly to the TCP socket of the client. */
const writing =
  (hex: string) =>
  (client: OracleSocket): void => {
    client.on('open', () => {
      (client as unknown as { _socket: import('node:net').Socket })._socket.write(Buffer.from(hex, 'hex'));
    });
  };

describe('messages', () => {
  test('both packages send the same message for text, all kinds of bytes, numbers and no argument', () =>
    compare(
      pair(
        echo,
        sending(
          'text',
          '',
          Buffer.from('bytes'),
          new Uint8Array([1, 2]),
          new Float32Array(2),
          new ArrayBuffer(3),
          7,
          0,
          undefined,
          new DataView(new ArrayBuffer(8), 2, 3),
        ),
      ),
    ));
  test('both packages deliver large messages, with and without compression', () =>
    compare(pair(echo, sending('x'.repeat(100_000), Buffer.alloc(300_000, 1)), { perMessageDeflate: true })));
  test('if messages are Blobs, both packages send all messages in the order of the calls', () =>
    compare(pair(echo, sending(new Blob(['one']), 'two', new Blob(['three']), Buffer.from('four')))));
  test('if a message is sent in parts with the option `fin`, both packages deliver it as one message', () =>
    compare(
      pair(echo, (client) => {
        client.on('open', () => {
          client.send('one ', { fin: false });
          client.send('two ', { fin: false });
          client.send('three', { fin: true });
          client.send(Buffer.from([1]), { fin: false });
          client.send(Buffer.from([2]));
        });
        let answers = 0;
        client.on('message', () => {
          if (++answers === 2) client.close();
        });
      }),
    ));
  test('both packages send text as a binary message with binary: true, and bytes as a text message with binary: false', () =>
    compare(
      pair(echo, (client) => {
        client.on('open', () => {
          client.send('a', { binary: true });
          client.send(Buffer.from('b'), { binary: false });
        });
        client.on('message', (data) => {
          if (String(data) === 'b') client.close();
        });
      }),
    ));
  test.each(['nodebuffer', 'arraybuffer', 'fragments', 'blob'])(
    'with binaryType %s, both packages deliver the same data',
    (type) =>
      compare(
        pair(echo, (client) => {
          client.binaryType = type as 'nodebuffer';
          sending('text', Buffer.from('bytes'), new Uint8Array(5000))(client);
        }),
      ),
  );
  test('both packages call the callbacks of send in order and without an argument', () =>
    compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server);
      server.on('connection', (webSocket) => webSocket.on('message', () => {}));
      const client = new Client(url);
      client.on('open', () => {
        client.send('a', (error) => sides.client.push(`a ${error ?? 'left'}`));
        client.send(Buffer.alloc(100_000), {}, (error) => sides.client.push(`b ${error ?? 'left'}`));
        client.ping('c', undefined, (error) => sides.client.push(`c ${error ?? 'left'}`));
        client.send('d', (error) => {
          sides.client.push(`d ${error ?? 'left'}`);
          client.close();
        });
      });
      await closed(client);
    }));
  test('with allowSynchronousEvents: false, both packages emit one event per task', () =>
    compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server);
      server.on('connection', (webSocket) => {
        for (const text of ['a', 'b', 'c']) webSocket.send(text);
        webSocket.ping('p');
        webSocket.close();
      });
      const client = new Client(url, { allowSynchronousEvents: false });
      let task = 0;
      const tick = (): void => {
        task++;
        if (client.readyState !== 3) setImmediate(tick);
      };
      let before = -1;
      for (const event of ['message', 'ping'] as const) {
        client.on(event as 'message', (data) => {
          if (before === -1) tick();
          sides.client.push(
            `${event} ${String(data)} ${before === task ? 'in the same task' : 'in its own'}`,
          );
          before = task;
        });
      }
      await closed(client);
    }));
});

describe('control frames', () => {
  test('both packages answer pings, and report pongs that no ping has requested', () =>
    compare(
      pair(
        (webSocket) => webSocket.on('pong', () => webSocket.close(4001, 'seen')),
        (client) =>
          client.on('open', () => {
            client.ping('payload');
            client.ping();
            client.once('pong', () => client.pong(Buffer.from('by itself')));
          }),
      ),
    ));
  test('with autoPong: false on a server, neither package answers pings', () =>
    compare(
      pair(
        (webSocket) => webSocket.on('ping', () => webSocket.close()),
        (client) => client.on('open', () => client.ping('unanswered')),
        { autoPong: false },
      ),
    ));
  test('with autoPong: false on a client, neither package answers pings', () =>
    compare(
      pair(
        (webSocket) => webSocket.ping('unanswered'),
        (client) => client.on('ping', () => client.close()),
        {},
        { autoPong: false },
      ),
    ));
  test('both packages throw for a ping or pong of more than 125 bytes', () =>
    compare(
      pair(nothing, (client) =>
        client.on('open', () => {
          for (const send of [() => client.ping(Buffer.alloc(126)), () => client.pong('x'.repeat(126))]) {
            try {
              send();
            } catch (error) {
              client.emit('message', Buffer.from(String(error)), false);
            }
          }
          client.close();
        }),
      ),
    ));
});

describe('closing', () => {
  test.each([
    ['no code', []],
    ['1000', [1000]],
    ['1000 and a reason', [1000, 'bye']],
    ['4999 and a Buffer', [4999, Buffer.from('bytes')]],
    ['1013', [1013]],
    ['a reason without a code', [undefined, 'ignored']],
  ] as [string, [number?, string?]][])(
    'both packages report the same events if the client closes with %s',
    (_name, values) => compare(pair(nothing, (client) => client.on('open', () => client.close(...values)))),
  );
  test('both packages report the same events if the server closes a new connection immediately', () =>
    compare(pair((webSocket) => webSocket.close(4000, 'no'), nothing)));
  test('both packages report the same events if the server closes a connection after its first message', () =>
    compare(
      pair(
        (webSocket) => webSocket.on('message', () => webSocket.close(4001)),
        (client) =>
          client.on('open', () => {
            client.send('now');
            client.once('message', nothing);
          }),
      ),
    ));
  test('both packages report the same events if the client or the server calls terminate', async () => {
    await compare(pair((webSocket) => webSocket.terminate(), nothing));
    await compare(pair(nothing, (client) => client.on('open', () => client.terminate())));
  });
  test('both packages deliver the messages that arrive before a Close frame', () =>
    compare(
      pair((webSocket) => {
        for (let at = 0; at < 5; at++) webSocket.send(`${at}`);
        webSocket.close(1000);
      }, nothing),
    ));
  test.each([999, 1004, 1005, 1006, 1015, 2999, 5000, 'x'])(
    'both packages throw for the invalid close code %s',
    (code) =>
      compare(
        pair(nothing, (client) =>
          client.on('open', () => {
            try {
              client.close(code as number);
            } catch {
              client.emit('message', Buffer.from('it threw'), false);
            }
            client.terminate();
          }),
        ),
      ),
  );
  test('if a message is sent to a closing or closed connection, both packages pass an error to its callback', () =>
    compare(
      pair(nothing, (client) => {
        client.on('open', () => {
          client.close();
          client.send('late', (error) => client.emit('ping', Buffer.from(String(error))));
          client.ping('late', undefined, (error: unknown) => client.emit('ping', Buffer.from(String(error))));
        });
        client.on('close', () => {
          client.send('later', (error) => client.emit('ping', Buffer.from(String(error))));
        });
      }),
    ));
  test('if a message is sent while the client is connecting, both packages throw', () =>
    compare(async ({ Client, sides }) => {
      const client = new Client('ws://127.0.0.1:1', { lookup() {} } as ClientOptions);
      client.on('error', (error) =>
        sides.client.push(`error ${'code' in error ? error.code : error.message}`),
      );
      for (const send of [() => client.send('x'), () => client.ping(), () => client.pong()]) {
        try {
          send();
        } catch (error) {
          sides.client.push(String(error));
        }
      }
      await closed(client);
    }));
});

describe('a peer that breaks a rule', () => {
  test.each([
    ['an opcode that is reserved', '858000000000'],
    ['a frame without a mask', '810161'],
    ['text that is not UTF-8', '818100000000ff'],
    ['a control frame in fragments', '098000000000'],
    ['a Close payload of one byte', '88810000000001'],
    ['a close code that must not be sent', '88820000000003ed'],
    ['a continuation without a message', '808000000000'],
    ['a reserved bit', 'a18000000000'],
    ['a control frame of more than 125 bytes', '89fe007e00000000'],
  ])('both packages report the same events if a peer sends %s', (_name, hex) =>
    compare(pair(nothing, writing(hex))),
  );
  test('both packages report the same events if a message exceeds maxPayload', () =>
    compare(
      pair(nothing, (client) => client.on('open', () => client.send(Buffer.alloc(101))), { maxPayload: 100 }),
    ));
  test('both packages accept a message whose size is exactly maxPayload', () =>
    compare(pair(echo, sending(Buffer.alloc(100)), { maxPayload: 100 }, { maxPayload: 100 })));
  test('both packages report the same events if TCP ends without a Close frame', () =>
    compare(
      pair(nothing, (client) => {
        client.on('open', () => (client as unknown as { _socket: import('node:net').Socket })._socket.end());
      }),
    ));
  test('if TCP is reset, both packages report no error', () =>
    compare(
      pair(nothing, (client) => {
        client.on('open', () =>
          (client as unknown as { _socket: import('node:net').Socket })._socket.resetAndDestroy(),
        );
      }),
    ));
});

describe('the EventTarget interface', () => {
  test('both packages call the four event handler attributes with the same events', () =>
    compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server);
      server.on('connection', echo);
      const client = new Client(url);
      client.onopen = ({ type, target }) => {
        sides.client.push(`${type} ${target === client}`);
        client.send('text');
        client.send(Buffer.from('bytes'));
      };
      client.onmessage = ({ type, data }) => {
        sides.client.push(`${type} ${typeof data}`);
        if (typeof data !== 'string') client.close(4000, 'because');
      };
      client.onclose = ({ type, code, reason, wasClean }) => {
        sides.client.push(`${type} ${code} ${reason} ${wasClean}`);
      };
      await closed(client);
    }));
  test('both packages treat listeners in the same way if they are added twice, are objects, are removed, or have unknown types', () =>
    compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server);
      server.on('connection', echo);
      const client = new Client(url);
      const counted = ({ data }: { data: unknown }): void => void sides.client.push(`counted ${data}`);
      const removed = (): void => void sides.client.push('removed');
      const handler = {
        handleEvent: ({ type }: { type: string }) => void sides.client.push(`object ${type}`),
      };
      client.addEventListener('message', counted as never);
      client.addEventListener('message', counted as never);
      client.addEventListener('message', (() => sides.client.push('first')) as never, { once: true });
      client.addEventListener('message', handler as never);
      client.addEventListener('message', removed);
      client.removeEventListener('message', removed);
      client.addEventListener('ping' as 'open', removed);
      client.addEventListener('open', () => {
        client.send('1');
        client.send('2');
      });
      client.on('message', (data) => {
        if (String(data) === '2') client.close();
      });
      sides.client.push(`${client.listenerCount('message')} ${client.listenerCount('ping')}`);
      await closed(client);
    }));
  test('both packages pass the error and its text to an error listener', () =>
    compare(async ({ Client, sides }) => {
      const { http, url } = await serveHttp();
      http.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
      const client = new Client(url);
      client.onerror = ({ type, message, error }) => sides.client.push(`${type} ${message} ${error.message}`);
      client.onclose = ({ code, wasClean }) => sides.client.push(`close ${code} ${wasClean}`);
      await closed(client);
    }));
});

describe('the handshake of a server', () => {
  const opened = pair(nothing, (client) => client.on('open', () => client.close()));
  test('both packages choose the same subprotocol, which is the first one, the result of handleProtocols, or none', async () => {
    const chosen =
      (options: ServerOptions): Program =>
      async (context) => {
        const { server, url } = await serve(context.Server, options);
        server.on('connection', (webSocket) => context.sides.server.push(`protocol ${webSocket.protocol}`));
        const client = new context.Client(url, ['one', 'two']);
        watch(client, context.sides.client);
        client.on('open', () => {
          context.sides.client.push(`protocol ${client.protocol}`);
          client.close();
        });
        await closed(client);
      };
    await compare(chosen({}));
    await compare(chosen({ handleProtocols: (protocols) => [...protocols][1]! }));
    await compare(chosen({ handleProtocols: () => false }));
    await compare(chosen({ handleProtocols: () => 'three' }));
  });
  test('both packages give the same answer if verifyClient has one or two parameters', async () => {
    await compare(
      pair(nothing, (client) => client.on('open', () => client.close()), { verifyClient: () => true }),
    );
    const refusing =
      (options: ServerOptions): Program =>
      async ({ Server, Client, sides }) => {
        const { url } = await serve(Server, options);
        const client = new Client(url);
        watch(client, sides.client);
        client.on('unexpected-response', (_request, response) => {
          sides.client.push(`${response.statusCode} ${response.headers['retry-after']}`);
          let body = '';
          response.on('data', (chunk) => {
            body += chunk;
          });
          response.on('end', () => {
            sides.client.push(body);
            client.terminate();
          });
        });
        await closed(client);
      };
    await compare(refusing({ verifyClient: () => false }));
    await compare(refusing({ verifyClient: (_info, answer) => answer(false) }));
    await compare(
      refusing({ verifyClient: (_info, answer) => setImmediate(answer, false, 404, 'not here') }),
    );
    await compare(
      refusing({ verifyClient: (_info, answer) => answer(false, 503, 'later', { 'Retry-After': '120' }) }),
    );
    await compare(
      refusing({
        verifyClient: ({ origin, secure, req }, answer) =>
          answer(false, 403, `${origin} ${secure} ${req.url}`),
      }),
    );
  });
  test('in both packages, a listener of the event headers gets the lines of the response and can change them', () =>
    compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server, { perMessageDeflate: true });
      server.on('headers', (lines, request) => {
        sides.server.push(
          ...lines.filter((line) => !line.startsWith('Sec-WebSocket-Accept')),
          request.url ?? '',
        );
        lines.push('X-Own: 1', 'Set-Cookie: a=b');
      });
      const client = new Client(`${url}/path?query`, ['one']);
      client.on('upgrade', ({ headers }) =>
        sides.client.push(`${headers['x-own']} ${headers['set-cookie']}`),
      );
      client.on('open', () => client.close());
      await closed(client);
    }));
  test.each([
    [{ perMessageDeflate: true }, {}],
    [{}, {}],
    [{ perMessageDeflate: true }, { perMessageDeflate: false }],
    [{ perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true } }, {}],
    [{ perMessageDeflate: { serverMaxWindowBits: 10, clientMaxWindowBits: 11 } }, {}],
    [{ perMessageDeflate: true }, { perMessageDeflate: { serverMaxWindowBits: 9, clientMaxWindowBits: 10 } }],
    [{ perMessageDeflate: true }, { perMessageDeflate: { serverNoContextTakeover: true } }],
  ] as [ServerOptions, ClientOptions][])(
    'both packages negotiate the same compression with the options %j of the server and %j of the client',
    (options, clientOptions) =>
      compare(async ({ Server, Client, sides }) => {
        const { server, url } = await serve(Server, options);
        server.on('connection', (webSocket, request) => {
          sides.server.push(`${request.headers['sec-websocket-extensions']}`, `${webSocket.extensions}`);
          echo(webSocket);
        });
        const client = new Client(url, clientOptions);
        client.on('upgrade', ({ headers }) => {
          // The order of the parameters has no meaning (RFC 6455 §9.1), so the test sorts them.
          sides.client.push(...`${headers['sec-websocket-extensions']}`.split('; ').sort());
        });
        client.on('open', () => sides.client.push(`${client.extensions}`));
        sending('compressible '.repeat(500), 'short', Buffer.alloc(20_000))(client);
        await closed(client);
      }),
  );
  test('both packages accept a request for the path in the option `path`, and refuse any other path', async () => {
    const at =
      (path: string): Program =>
      async ({ Server, Client, sides }) => {
        const { url } = await serve(Server, { path: '/here' });
        const client = new Client(url + path);
        watch(client, sides.client);
        client.on('open', () => client.close());
        await closed(client);
      };
    await compare(at('/here'));
    await compare(at('/here?with=query'));
    await compare(at('/there'));
  });
  test('if a program replaces shouldHandle or an option of a server, both packages use the new value', () =>
    compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server);
      server.shouldHandle = ({ url: target }) => target !== '/no';
      server.options.handleProtocols = () => 'two';
      for (const path of ['/no', '/yes']) {
        const client = new Client(url + path, ['one', 'two']);
        watch(client, sides.client);
        client.on('open', () => {
          sides.client.push(client.protocol);
          client.close();
        });
        await closed(client);
      }
    }));
  test('in both packages, a server has the set `clients` only with the option clientTracking', async () => {
    await compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server);
      server.on('connection', (webSocket) => {
        sides.server.push(`${server.clients.size} ${server.clients.has(webSocket)}`);
        webSocket.on('close', () => sides.server.push(`${server.clients.size}`));
      });
      const client = new Client(url);
      client.on('open', () => client.close());
      await closed(client);
      while (server.clients.size > 0) await new Promise(setImmediate);
    });
    await compare(async ({ Server, sides }) => {
      const server = new Server.WebSocketServer({ noServer: true, clientTracking: false });
      sides.server.push(`${server.clients}`);
    });
  });
  test('if a server closes, both packages emit `close` and call the callbacks of close', () =>
    compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server);
      const client = new Client(url);
      await once(client, 'open');
      server.on('close', () => sides.server.push('close event'));
      server.close((error) => sides.server.push(`callback ${error}`));
      sides.server.push(`address ${server.address()}`);
      client.close();
      await once(server, 'close');
      server.close((error) => sides.server.push(`second ${error}`));
      await once(server, 'close');
    }));
  test('both packages throw unless exactly one of port, server and noServer is set', () =>
    compare(async ({ Server, sides }) => {
      for (const options of [undefined, {}, { port: 0, noServer: true }, { noServer: false }]) {
        try {
          new Server.WebSocketServer(options);
        } catch (error) {
          sides.server.push(String(error));
        }
      }
    }));
  test('both packages call the callback of handleUpgrade, and both refuse requests after the server was closed', () =>
    compare(async ({ Server, Client, sides }) => {
      const { http, url } = await serveHttp();
      const server = new Server.WebSocketServer({ noServer: true });
      http.on('upgrade', (request, socket, head) => {
        sides.server.push(`upgrade ${request.url}`);
        server.handleUpgrade(request, socket, head, (webSocket, same) => {
          sides.server.push(`callback ${same === request} ${webSocket.readyState}`);
          webSocket.send('hello');
          webSocket.close();
        });
      });
      for (const path of ['/open', '/closed']) {
        const client = new Client(url + path);
        watch(client, sides.client);
        await closed(client);
        if (path === '/open') await new Promise<void>((resolve) => server.close(() => resolve()));
      }
    }));
  test('both packages report the same events if a handshake succeeds', () => compare(opened));
});

describe('the handshake of a client', () => {
  const answered =
    (
      answer: (request: IncomingMessage) => string,
      options: ClientOptions = {},
      protocols: string[] = [],
    ): Program =>
    async ({ Client, sides }) => {
      const { http, url } = await serveHttp();
      http.on('upgrade', (request, socket) => socket.end(answer(request)));
      const client = new Client(url, protocols, options);
      watch(client, sides.client);
      client.on('redirect', (to) => sides.client.push(`redirect ${to.replace(/\d{4,5}/, 'PORT')}`));
      await closed(client);
    };
  test.each([
    ['401', 'HTTP/1.1 401 Unauthorized\r\n\r\n'],
    ['a page', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n'],
    ['another value of Upgrade', 'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
    [
      'a wrong Sec-WebSocket-Accept',
      'HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    ],
    ['text that is not HTTP', 'hello\r\n\r\n'],
    ['no bytes', ''],
  ])('both packages report the same events if the server answers with %s', (_name, answer) =>
    compare(answered(() => answer)),
  );
  test('both packages report the same events for too many redirects and for a redirect to an invalid address', async () => {
    const to = (location: string, maxRedirects?: number): Program =>
      answered(() => `HTTP/1.1 302 Found\r\nLocation: ${location}\r\n\r\n`, {
        followRedirects: true,
        ...(maxRedirects === undefined ? null : { maxRedirects }),
      });
    await compare(to('/again', 2));
    await compare(to('ws://'));
    await compare(to('ftp://127.0.0.1/'));
  });
  test('both packages report the same events if a handshake takes longer than handshakeTimeout', () =>
    compare(async ({ Client, sides }) => {
      const { http, url } = await serveHttp();
      http.on('upgrade', () => {});
      const client = new Client(url, { handshakeTimeout: 50 });
      watch(client, sides.client);
      await closed(client);
    }));
  test('both packages report the same events if no server listens', () =>
    compare(async ({ Client, sides }) => {
      const client = new Client('ws://127.0.0.1:1');
      watch(client, sides.client);
      await closed(client);
    }));
  test('both packages report the same events if close or terminate is called while the client is connecting', () =>
    compare(async ({ Server, Client, sides }) => {
      const { url } = await serve(Server, {
        verifyClient: (_info, answer) => void setTimeout(answer, 100, true),
      });
      for (const give of ['close', 'terminate'] as const) {
        const client = new Client(url);
        watch(client, sides.client);
        client[give]();
        sides.client.push(`state ${client.readyState}`);
        await closed(client);
      }
    }));
  test('both packages report the same events if a listener of the event upgrade calls close', () =>
    compare(async ({ Server, Client, sides }) => {
      const { url } = await serve(Server);
      const client = new Client(url);
      client.on('upgrade', () => client.close());
      watch(client, sides.client);
      await closed(client);
    }));
  test('both packages send the header fields, the origin, and the user and password of the URL', () =>
    compare(async ({ Server, Client, sides }) => {
      const { server, url } = await serve(Server);
      server.on('connection', (webSocket, { headers, url: target }) => {
        const { authorization, origin, cookie, 'x-own': own } = headers;
        sides.server.push(JSON.stringify({ authorization, origin, cookie, own, target }));
        webSocket.close();
      });
      const headers = { Cookie: 'a=b', 'X-Own': 'mine' };
      const client = new Client(`${url.replace('//', '//user:word@')}/path?a=%20b`, {
        headers,
        origin: 'https://example.org',
      });
      sides.client.push(client.url.replace(/:\d{4,5}/, ''));
      await closed(client);
    }));
  test.each(['foo', 'ftp://x', 'ws://x/#fragment', 'ws+unix:'])('both packages throw for the URL %s', (url) =>
    compare(async ({ Client, sides }) => {
      try {
        new Client(url);
      } catch (error) {
        sides.client.push(String(error));
      }
    }),
  );
  test.each([['a,b'], [''], ['a', 'a']])('both packages throw for the subprotocols %j', (...protocols) =>
    compare(async ({ Client, sides }) => {
      try {
        new Client('ws://127.0.0.1', protocols);
      } catch (error) {
        sides.client.push(String(error));
      }
    }),
  );
});

describe('the members of the classes', () => {
  const shape = (Kind: Package): string[] => [
    ...[
      'CONNECTING',
      'OPEN',
      'CLOSING',
      'CLOSED',
      'Server',
      'WebSocketServer',
      'WebSocket',
      'createWebSocketStream',
    ].map((name) => `${name} ${typeof Kind[name as keyof Package]}`),
    ...Object.getOwnPropertyNames(Kind.prototype).filter(
      (name) => !/^(?:_|emitClose$|constructor$)/.test(name),
    ),
  ];
  test('our classes have every public member that the classes of ws have', () =>
    compare(async ({ Client, sides }) => {
      const own = new Set<string>();
      for (let at: unknown = Client.prototype; at !== Object.prototype; at = Object.getPrototypeOf(at)) {
        for (const name of Object.getOwnPropertyNames(at)) own.add(name);
      }
      sides.client.push(...shape(oracle).filter((name) => name.includes(' ') || own.has(name)));
      sides.client.push(Client.name);
    }));
});
