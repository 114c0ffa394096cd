import { describe, expect, test } from 'vitest';
import { checkFrameOptions, Outgoing, OutgoingList, SERIALIZED } from '../../src/frame/outgoing.ts';
import { random } from './harness.ts';

const [text, close, ping, pong] = [1, 8, 9, 10];

function item(opcode: number, size = 1): Outgoing {
  return new Outgoing(opcode, Buffer.alloc(size), true);
}

function listed(list: OutgoingList): Outgoing[] {
  const found: Outgoing[] = [];
  for (let one = list.head; one !== null; one = one.next) found.push(one);
  return found;
}

describe('the list of items that wait to be sent', () => {
  test('F23: in the list, pings and pongs come first, messages keep their order, and the Close frame comes last', () => {
    const list = new OutgoingList();
    const [first, second, last] = [item(text, 10), item(SERIALIZED, 20), item(close, 2)];
    const [one, two] = [item(ping), item(pong)];
    for (const each of [first, one, second, last, two]) list.add(each);
    expect(listed(list)).toEqual([one, two, first, second, last]);
    expect([list.bytes, list.messages, list.endsWithClose]).toEqual([34, 3, true]);
    list.remove(last);
    expect([list.bytes, list.messages, list.endsWithClose]).toEqual([32, 2, false]);
  });

  test('F15, F23: after any additions and removals, the list has the remaining items in order, and counts the bytes of these items', () => {
    const pick = random(6455);
    for (let run = 0; run < 200; run++) {
      const list = new OutgoingList();
      let passing: Outgoing[] = [];
      let messages: Outgoing[] = [];
      for (let step = 0; step < 40; step++) {
        const all = [...passing, ...messages];
        const one = item([text, ping, pong][pick(3)]!, pick(50));
        const gone = all[pick(all.length + 1)];
        if (pick(3) > 0) {
          list.add(one);
          (one.isPingOrPong ? passing : messages).push(one);
        } else {
          expect(list.remove(gone ?? one)).toBe(gone !== undefined);
          passing = passing.filter((other) => other !== gone);
          messages = messages.filter((other) => other !== gone);
        }
        expect(listed(list)).toEqual([...passing, ...messages]);
        expect(list.messages).toBe(messages.length);
        expect(list.bytes).toBe([...passing, ...messages].reduce((sum, { size }) => sum + size, 0));
      }
    }
  });
});

test('F23: checkFrameOptions refuses a fragmentSize that is not a positive integer, and a lastFragmentSize below the fragmentSize', () => {
  for (const fragmentSize of [0, -1, 1.5, Number.NaN, Infinity, '5' as unknown as number]) {
    expect(() => checkFrameOptions({ fragmentSize })).toThrow(RangeError);
  }
  expect(() => checkFrameOptions({ fragmentSize: 10, lastFragmentSize: 9 })).toThrow(RangeError);
  expect(() => checkFrameOptions({ fragmentSize: 10, lastFragmentSize: Number.NaN })).toThrow(RangeError);
  checkFrameOptions({});
  checkFrameOptions({ compress: undefined, fragmentSize: undefined, lastFragmentSize: undefined });
  checkFrameOptions({ fragmentSize: 1, lastFragmentSize: 1 });
});
