/** A RegExp instead of a literal path, on our listener and on an HTTP server. */
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { connect, type HandshakeError, WebSocketServer } from '../../src/index.ts';
import { closeServers, listenHttp } from '../transport/servers.ts';

afterEach(closeServers);

/** An endpoint that says its name to each client. */
function named(name: string): WebSocketServer {
  return new WebSocketServer({
    open(connection) {
      connection.close(1000, name);
    },
  });
}

/** The name of the endpoint that answers, or the HTTP status. */
async function at(port: number, target: string): Promise<string | number> {
  try {
    const connection = await connect(`ws://127.0.0.1:${port}${target}`);
    return (await connection.closed).reason;
  } catch (error) {
    return (error as HandshakeError).status;
  }
}

describe('a server that is attached to an HTTP server', () => {
  test('servers have priority in this order: a literal path, an earlier RegExp, a later RegExp, no path', async () => {
    const http = createServer();
    named('any').attach(http);
    named('rooms').attach(http, { path: /^\/rooms\// });
    named('deep').attach(http, { path: /\/deep$/g });
    named('lobby').attach(http, { path: '/rooms/lobby' });
    const port = await listenHttp(http);
    expect(await at(port, '/rooms/lobby')).toBe('lobby');
    expect(await at(port, '/rooms/garden?x=/deep')).toBe('rooms');
    expect(await at(port, '/rooms/deep')).toBe('rooms');
    // A RegExp that keeps state would miss every other request.
    expect(await at(port, '/deep')).toBe('deep');
    expect(await at(port, '/deep')).toBe('deep');
    expect(await at(port, '/else')).toBe('any');
  });

  test('a request whose path matches no RegExp gets 404, even if no server has a literal path', async () => {
    const http = createServer();
    named('rooms').attach(http, { path: /^\/rooms\// });
    const port = await listenHttp(http);
    expect(await at(port, '/')).toBe(404);
    expect(await at(port, '/rooms/a')).toBe('rooms');
  });

  test('the same RegExp can be attached only once, and again after it was detached', async () => {
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

test('a server with its own listener accepts a request whose path its RegExp matches, and answers 404 to all others', async () => {
  const server = named('rooms');
  const { port } = await server.listen({ path: /^\/rooms\/\w+$/ });
  expect(await at(port, '/rooms/garden?name=Ann')).toBe('rooms');
  expect(await at(port, '/rooms/')).toBe(404);
  await server.shutdown();
});
