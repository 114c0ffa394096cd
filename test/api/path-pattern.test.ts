/** Servers whose path is a RegExp instead of a string, with a listener or attached to an HTTP server. */
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { connect, type HandshakeError, WebSocketServer } from '../../src/index.ts';
import { closeServers, listenHttp } from '../transport/servers.ts';

afterEach(closeServers);

/** Returns a server that sends its name to each client. */
function named(name: string): WebSocketServer {
  return new WebSocketServer({
    open(connection) {
      connection.close(1000, name);
    },
  });
}

/** Returns the name of the server that answers, or the HTTP status. */
async function at(port: number, target: string): Promise<string | number> {
  try {
    const connection = await connect(`ws://127.0.0.1:${port}${target}`);
    return (await connection.closed).reason;
  } catch (error) {
    return (error as HandshakeError).status;
  }
}

describe('a server that is attached to an HTTP server', () => {
  test('a server has priority in this order: a string as path, an earlier RegExp, a later RegExp, no path', async () => {
    const http = createServer();
    named('any').attach(http);
    named('rooms').attach(http, { path: /^\/rooms\// });
    named('deep').attach(http, { path: /\/deep$/g });
    named('lobby').attach(http, { path: '/rooms/lobby' });
    const port = await listenHttp(http);
    expect(await at(port, '/rooms/lobby')).toBe('lobby');
    expect(await at(port, '/rooms/garden?x=/deep')).toBe('rooms');
    expect(await at(port, '/rooms/deep')).toBe('rooms');
    // A RegExp with the flag g remembers the position of its last match. The server has to match the second request from the beginning.
    expect(await at(port, '/deep')).toBe('deep');
    expect(await at(port, '/deep')).toBe('deep');
    expect(await at(port, '/else')).toBe('any');
  });

  test('a request whose path matches no RegExp gets 404, even if no server has a string as path', async () => {
    const http = createServer();
    named('rooms').attach(http, { path: /^\/rooms\// });
    const port = await listenHttp(http);
    expect(await at(port, '/')).toBe(404);
    expect(await at(port, '/rooms/a')).toBe('rooms');
  });

  test('the same RegExp can be attached only once, and a detached RegExp no longer matches', async () => {
    const http = createServer();
    const detach = named('first').attach(http, { path: /^\/rooms$/ });
    expect(() => named('second').attach(http, { path: /^\/rooms$/ })).toThrow(TypeError);
    named('other flags').attach(http, { path: /^\/rooms$/i });
    const port = await listenHttp(http);
    expect(await at(port, '/rooms')).toBe('first');
    detach();
    detach();
    expect(await at(port, '/rooms')).toBe('other flags');
    expect(http.listenerCount('upgrade')).toBe(1);
  });
});

test('a server with a listener accepts a request if its path matches the RegExp of the server, and otherwise answers 404', async () => {
  const server = named('rooms');
  const { port } = await server.listen({ path: /^\/rooms\/\w+$/ });
  expect(await at(port, '/rooms/garden?name=Ann')).toBe('rooms');
  expect(await at(port, '/rooms/')).toBe(404);
  await server.shutdown();
});
