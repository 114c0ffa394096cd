/**
 * Nest: a gateway with the adapter of @nestjs/platform-ws, which requires `ws`. `overrides` in package.json replaces `ws` with our package
 * (docs/from-ws.md).
 */
import 'reflect-metadata';
import { EventEmitter, once } from 'node:events';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { WebSocket } from 'rfc6455/ws';

const left = new EventEmitter();

class ChatGateway {
  server;

  handleConnection(client, request) {
    client.name = new URL(request.url, 'http://localhost').searchParams.get('name');
  }

  handleDisconnect(client) {
    left.emit('one', client.name);
  }

  say(client, text) {
    const message = JSON.stringify({ event: 'said', data: `${client.name}: ${text}` });
    for (const one of this.server.clients) one.send(message);
  }

  /** Nest sends the result of a handler to the client that sent the message. */
  count() {
    return { event: 'counted', data: this.server.clients.size };
  }
}
class AppModule {}

// The decorators are called as functions, because plain JavaScript has no decorator syntax.
const decorate = (decorator, name) =>
  decorator(ChatGateway.prototype, name, Object.getOwnPropertyDescriptor(ChatGateway.prototype, name));
WebSocketGateway({ path: '/chat' })(ChatGateway);
WebSocketServer()(ChatGateway.prototype, 'server');
decorate(SubscribeMessage('say'), 'say');
decorate(SubscribeMessage('count'), 'count');
Module({ providers: [ChatGateway] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address();

const [ada, bob] = ['Ada', 'Bob'].map((name) => new WebSocket(`ws://127.0.0.1:${port}/chat?name=${name}`));
await Promise.all([once(ada, 'open'), once(bob, 'open')]);
const said = once(bob, 'message');
ada.send(JSON.stringify({ event: 'say', data: 'hello' }));
console.log(JSON.parse((await said)[0]).data);
const counted = once(bob, 'message');
bob.send(JSON.stringify({ event: 'count' }));
console.log(`${JSON.parse((await counted)[0]).data} clients`);
ada.close();
console.log(`${(await once(left, 'one'))[0]} left`);
const last = once(left, 'one');
await app.close();
console.log(`${(await last)[0]} left`);
