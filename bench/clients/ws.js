/** The client of `ws` for the bench. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { measureClient } from './measure.js';

measureClient(async (url, onMessage) => {
  const client = new WebSocket(url, { perMessageDeflate: false });
  client.on('message', () => onMessage(client));
  await once(client, 'open');
  return client;
});
