/** Which subprotocols an application may name. What peers send is in server.test.ts and client.test.ts. */
import { expect, test } from 'vitest';
import { checkOffer, checkSubprotocols } from '../../src/handshake/subprotocol.ts';

test('tokens are accepted, by a server also repeatedly', () => {
  checkSubprotocols([]);
  checkSubprotocols(['chat', 'v1.bus', "!#$%&'*+-.^_`|~", 'chat']);
  checkOffer(['chat', 'Chat']);
});

test.each<[unknown, string]>([
  ['chat', 'subprotocols is a list of tokens'],
  [null, 'subprotocols is a list of tokens'],
  [[''], 'The subprotocol "" is not a token'],
  [['a b'], 'The subprotocol "a b" is not a token'],
  [['a,b'], 'The subprotocol "a,b" is not a token'],
  [['é'], 'The subprotocol "é" is not a token'],
  [['chat', 5], 'The subprotocol 5 is not a token'],
  [['a\r\nX: y'], 'is not a token'],
])('both roles refuse %j', (subprotocols, message) => {
  for (const check of [checkSubprotocols, checkOffer]) {
    expect(() => check(subprotocols as string[])).toThrow(TypeError);
    expect(() => check(subprotocols as string[])).toThrow(message);
  }
});

test('a client does not offer a subprotocol twice', () => {
  expect(() => checkOffer(['a', 'b', 'a'])).toThrow('The subprotocol a is repeated');
});
