/** Tests which subprotocols an application may pass. server.test.ts and client.test.ts test the subprotocols that peers send. */
import { expect, test } from 'vitest';
import { checkOffer, checkSubprotocols } from '../../src/handshake/subprotocol.ts';

test('checkSubprotocols and checkOffer accept a list of tokens, and checkSubprotocols also accepts a repeated token', () => {
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
])('checkSubprotocols and checkOffer refuse the value %j', (subprotocols, message) => {
  for (const check of [checkSubprotocols, checkOffer]) {
    expect(() => check(subprotocols as string[])).toThrow(TypeError);
    expect(() => check(subprotocols as string[])).toThrow(message);
  }
});

test('checkOffer refuses a list in which a subprotocol is repeated', () => {
  expect(() => checkOffer(['a', 'b', 'a'])).toThrow('The subprotocol a is repeated');
});
