/** The WebSocket server of Bun for the bench. It is native code. Bun runs this file, see BUN in bench/echo.js. */
import { certificate, countReceived, serve } from './serve.js';

/* global Bun */
const websocket = {
  maxPayloadLength: 64 * 1024 * 1024,
  backpressureLimit: 64 * 1024 * 1024,
  /** @param {any} socket */
  open(socket) {
    if (socket.data.path === '/broadcast') socket.subscribe('all');
  },
  /** @param {any} socket @param {string | Buffer} message */
  message(socket, message) {
    if (socket.data.path === '/') socket.send(message);
    else if (socket.data.path === '/sink') countReceived();
    else if (socket.data.path === '/ask') {
      const { size, count } = JSON.parse(String(message));
      const text = 'x'.repeat(size);
      for (let index = 0; index < count; index++) socket.publish('all', text);
    }
  },
};

/** @param {object} [tls] */
const listen = (tls) =>
  // @ts-expect-error The types of Bun are not installed.
  Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    /** @param {Request} request @param {any} server */
    fetch(request, server) {
      const { pathname: path } = new URL(request.url);
      return server.upgrade(request, { data: { path } }) ? undefined : new Response('', { status: 400 });
    },
    websocket,
    ...(tls === undefined ? null : { tls }),
  });
serve(listen().port, listen(certificate()).port);
