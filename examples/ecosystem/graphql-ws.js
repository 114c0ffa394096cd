/**
 * The package graphql-ws: its server uses our `WebSocketServer`. Its client uses our `WebSocket`, which has the same interface as in
 * browsers.
 */
import { once } from 'node:events';
import { GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocket } from 'rfc6455/websocket';
import { WebSocketServer } from 'rfc6455/ws';

const greetings = {
  type: GraphQLString,
  async *subscribe() {
    for (const greeting of ['Hi', 'Bonjour', 'Hola']) yield { greetings: greeting };
  },
};
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: { hello: { type: GraphQLString, resolve: () => 'world' } },
  }),
  subscription: new GraphQLObjectType({ name: 'Subscription', fields: { greetings } }),
});
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', path: '/graphql' });
const running = useServer({ schema }, server);
await once(server, 'listening');

const client = createClient({
  url: `ws://127.0.0.1:${server.address().port}/graphql`,
  webSocketImpl: WebSocket,
});
for await (const { data } of client.iterate({ query: '{ hello }' })) console.log(data.hello);
for await (const { data } of client.iterate({ query: 'subscription { greetings }' }))
  console.log(data.greetings);
await client.dispose();
await running.dispose();
console.log('closed');
