import { describe, expect, test } from 'vitest';
import { MessageAssembler } from '../../src/frame/assembler.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { ProtocolError } from '../../src/frame/violation.ts';
import { random } from './harness.ts';

const MAX = 100_000;

function assembler(
  max = MAX,
  budget = new MemoryBudget(),
  shed: (e: ProtocolError) => void = () => {},
): MessageAssembler {
  return new MessageAssembler(max, budget, { isStopped: false, waitForRoom() {}, readOn() {}, shed });
}

/** Adds a data frame to the assembler: first its header, then its payload in one piece. */
function add(target: MessageAssembler, opcode: number, payload: Uint8Array | string, fin = false): void {
  const bytes = Buffer.from(payload as string);
  target.begin(fin, false, opcode, bytes.length);
  target.append(bytes, 0, bytes.length);
}

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return 'none';
}

describe('the sequence of frames', () => {
  test('F17: an assembler refuses a continuation frame if no message has begun, or if the last message is complete', () => {
    for (const fin of [false, true]) {
      for (const length of [0, 5]) {
        expect(codeOf(() => assembler().begin(fin, false, 0, length))).toBe('WS_UNEXPECTED_CONTINUATION');
        const used = assembler();
        add(used, 1, 'x', true);
        used.take();
        expect(codeOf(() => used.begin(fin, false, 0, length))).toBe('WS_UNEXPECTED_CONTINUATION');
      }
    }
  });

  test('F17: inside an unfinished message, an assembler refuses the first frame of another message, with any type and any FIN bit', () => {
    for (const first of [1, 2]) {
      for (const second of [1, 2]) {
        for (const fin of [false, true]) {
          const busy = assembler();
          add(busy, first, 'x');
          expect(codeOf(() => busy.begin(fin, false, second, 1))).toBe('WS_INTERLEAVED_MESSAGE');
        }
      }
    }
  });

  test('F17, F18: an assembler joins fragments of any size in order', () => {
    const pick = random(17);
    const content = Buffer.from(Uint8Array.from({ length: 20_000 }, (_, i) => pick(256) ^ (i & 0)));
    for (let round = 0; round < 20; round++) {
      const target = assembler();
      let position = 0;
      let opcode = 2;
      while (position < content.length) {
        const size = Math.min(pick([1, 10, 3000, 20_000][round % 4]!) + pick(2), content.length - position);
        const fin = position + size === content.length;
        target.begin(fin, false, opcode, size);
        // Each payload also arrives in two pieces.
        const half = pick(size + 1);
        target.append(content, position, position + half);
        target.append(content, position + half, position + size);
        position += size;
        opcode = 0;
      }
      expect(target.take().equals(content)).toBe(true);
    }
  });

  test('F19: until a message is taken, its type is the opcode of its first frame', () => {
    for (const opcode of [1, 2]) {
      const target = assembler();
      expect(target.insideMessage).toBe(false);
      add(target, opcode, 'a');
      add(target, 0, 'b');
      expect(target.opcode).toBe(opcode);
      expect(target.insideMessage).toBe(true);
      add(target, 0, 'c', true);
      expect(target.opcode).toBe(opcode);
      expect(target.take().toString()).toBe('abc');
      expect(target.insideMessage).toBe(false);
    }
  });

  test('F24: after a frame with FIN, the next message contains no byte of the previous message', () => {
    const target = assembler();
    for (let i = 0; i < 50; i++) {
      add(target, 1 + (i % 2), `message ${i}, `);
      add(target, 0, 'second half', true);
      expect(target.announced).toBe(`message ${i}, second half`.length);
      expect(target.take().toString()).toBe(`message ${i}, second half`);
      expect(target.heldBytes).toBe(0);
      expect(target.isEmpty).toBe(true);
    }
  });

  test('F18: an assembler accepts an empty message, as one frame and as fragments', () => {
    const target = assembler();
    target.begin(true, false, 1, 0);
    expect(target.take().length).toBe(0);
    target.begin(false, false, 1, 0);
    target.begin(true, false, 0, 0);
    expect(target.take().length).toBe(0);
    expect(target.heldBytes).toBe(0);
  });

  test('F11: an assembler checks the UTF-8 of a message only if the first frame is a text frame without RSV1', () => {
    const invalid = Buffer.from([0xff]);
    const append = (opcode: number, rsv1: boolean): string => {
      const target = assembler();
      target.begin(true, rsv1, opcode, 1);
      return codeOf(() => target.append(invalid, 0, 1));
    };
    expect(append(1, false)).toBe('WS_INVALID_UTF8');
    expect(append(2, false)).toBe('none');
    // Compressed bytes are not UTF-8, so the assembler cannot check them.
    expect(append(1, true)).toBe('none');
  });
});

describe('the limits of a message', () => {
  test('F25: an assembler accepts a message of exactly the limit, and refuses a larger one at the header that exceeds it [A21, A22]', () => {
    const exact = assembler(1000);
    exact.begin(true, false, 2, 1000);
    expect(codeOf(() => assembler(1000).begin(true, false, 2, 1001))).toBe('WS_MESSAGE_TOO_BIG');
    const sum = assembler(1000);
    add(sum, 2, Buffer.alloc(600));
    sum.begin(false, false, 0, 400);
    sum.append(Buffer.alloc(400), 0, 400);
    sum.begin(false, false, 0, 0);
    expect(codeOf(() => sum.begin(true, false, 0, 1))).toBe('WS_MESSAGE_TOO_BIG');
    expect(new ProtocolError('WS_MESSAGE_TOO_BIG').closeCode).toBe(1009);
  });

  test('F25: an assembler counts the size of each message from 0', () => {
    const target = assembler(10);
    for (let i = 0; i < 100; i++) {
      add(target, 2, Buffer.alloc(6));
      add(target, 0, Buffer.alloc(4), true);
      expect(target.take().length).toBe(10);
    }
  });

  test('F25: an assembler counts lengths near 2^53 without overflow, and the limit Infinity allows any size', () => {
    const limited = assembler(Number.MAX_SAFE_INTEGER);
    limited.begin(false, false, 2, Number.MAX_SAFE_INTEGER);
    expect(codeOf(() => limited.begin(false, false, 0, 1))).toBe('WS_MESSAGE_TOO_BIG');
    const unlimited = assembler(Infinity);
    unlimited.begin(false, false, 2, Number.MAX_SAFE_INTEGER);
    for (let i = 0; i < 10; i++) unlimited.begin(false, false, 0, Number.MAX_SAFE_INTEGER);
    unlimited.append(Buffer.from('a'), 0, 1);
    expect(unlimited.heldBytes).toBeLessThanOrEqual(1024);
  });

  test('F25: with a limit of 0, an assembler accepts only empty messages', () => {
    assembler(0).begin(true, false, 1, 0);
    expect(codeOf(() => assembler(0).begin(true, false, 1, 1))).toBe('WS_MESSAGE_TOO_BIG');
  });

  test('F25: an assembler accepts 1,000 fragments without payload in a row, and refuses the next one with 1008 [A24]', () => {
    const target = assembler();
    target.begin(false, false, 1, 0);
    for (let i = 1; i < 1000; i++) target.begin(false, false, 0, 0);
    expect(codeOf(() => target.begin(false, false, 0, 0))).toBe('WS_EMPTY_FRAGMENTS');
    expect(new ProtocolError('WS_EMPTY_FRAGMENTS').closeCode).toBe(1008);
  });

  test('F25: after a payload and in each new message, an assembler counts fragments without payload from 0 again [A24]', () => {
    const target = assembler();
    for (let round = 0; round < 5; round++) {
      target.begin(false, false, 1, 0);
      for (let i = 1; i < 1000; i++) target.begin(false, false, 0, 0);
      add(target, 0, 'x');
      for (let i = 0; i < 1000; i++) target.begin(false, false, 0, 0);
      target.begin(true, false, 0, 0);
      expect(target.take().toString()).toBe('x');
    }
  });

  test('F25: an assembler allocates at most 1 KiB or twice the received bytes, whatever length was announced [A21, A23, A25]', () => {
    for (const [max, announced] of [
      [1_000_000, 1_000_000],
      [Infinity, Number.MAX_SAFE_INTEGER],
      [4_000_000, 999_999],
    ] as const) {
      const target = assembler(max);
      target.begin(true, false, 2, announced);
      expect(target.heldBytes).toBe(0);
      const piece = Buffer.alloc(700);
      for (let received = piece.length; received < 900_000; received += piece.length) {
        target.append(piece, 0, piece.length);
        if (target.heldBytes < received) expect.fail('less than what came');
        if (target.heldBytes > Math.max(2 * received, 1024))
          expect.fail(`${target.heldBytes} for ${received}`);
        if (target.heldBytes > max) expect.fail('more than the limit');
      }
    }
  });

  test('F25: when the header of the last frame is known, an assembler allocates no more memory than the size of the message', () => {
    const target = assembler();
    target.begin(true, false, 2, 1500);
    target.append(Buffer.alloc(1100), 0, 1100);
    expect(target.heldBytes).toBeLessThanOrEqual(1500);
    target.append(Buffer.alloc(400), 0, 400);
    expect(target.heldBytes).toBe(1500);
  });

  test('F18, F25: a million fragments of one byte need no more memory than one fragment of a million bytes [A24]', () => {
    const size = 1_000_000;
    const target = assembler(size);
    const byte = Buffer.from('x');
    let largest = 0;
    for (let i = 0; i < size; i++) {
      target.begin(i === size - 1, false, i === 0 ? 1 : 0, 1);
      target.append(byte, 0, 1);
      largest = Math.max(largest, target.heldBytes);
    }
    expect(largest).toBeLessThanOrEqual(size);
    const message = target.take();
    expect(message.length).toBe(size);
    expect(message.every((b) => b === 0x78)).toBe(true);
  });

  test('F25: a message that is taken from a much larger buffer does not keep this buffer alive', () => {
    const target = assembler();
    for (const size of [1, 100, 700, 800, 1023, 1024, 1025, 2100, 5000]) {
      target.begin(false, false, 2, size);
      target.append(Buffer.alloc(size, 7), 0, size);
      target.begin(true, false, 0, 0);
      const message = target.take();
      expect(message.equals(Buffer.alloc(size, 7))).toBe(true);
      // A small message may be part of Node's buffer pool. In Node 26 this pool is a little larger than documented.
      const pool = message.buffer.byteLength - Buffer.poolSize;
      if (pool < 0 || pool > 1024) {
        expect(message.buffer.byteLength * 3).toBeLessThanOrEqual(size * 4);
      }
    }
  });

  test('F25: an assembler stores copies, so a later change of the chunk does not change the message', () => {
    const target = assembler();
    const chunk = Buffer.from('abc');
    target.begin(true, false, 2, 3);
    target.append(chunk, 0, 3);
    chunk.fill(0);
    expect(target.take().toString()).toBe('abc');
  });
});

describe('the UTF-8 check of a text message', () => {
  test('F21: an assembler refuses a text at its first invalid byte, in any fragment [A37]', () => {
    const bytes = Buffer.from('κόσμε\ud83d\ude00');
    for (let place = 0; place <= bytes.length; place++) {
      const target = assembler();
      target.begin(false, false, 1, place);
      target.append(bytes, 0, place);
      target.begin(false, false, 0, bytes.length - place);
      target.append(bytes, place, bytes.length);
      expect(codeOf(() => add(target, 0, Buffer.from([0xed])))).toBe('none');
      expect(codeOf(() => add(target, 0, Buffer.from([0xa0])))).toBe('WS_INVALID_UTF8');
    }
  });

  test('F21: an assembler refuses a text that ends inside a character, and then accepts the next text', () => {
    const target = assembler();
    add(target, 1, Buffer.from([0x61, 0xe2, 0x82]), true);
    expect(codeOf(() => target.take())).toBe('WS_INVALID_UTF8');
    target.clear();
    add(target, 1, 'fine', true);
    expect(target.take().toString()).toBe('fine');
    // A message that was cleared inside a character does not affect the next message.
    add(target, 1, Buffer.from([0xe2]));
    target.clear();
    add(target, 1, 'fine', true);
    expect(target.take().toString()).toBe('fine');
  });

  test('F21: an assembler does not check binary messages as UTF-8, before or after a text', () => {
    const target = assembler();
    for (const opcode of [2, 1, 2]) {
      add(target, opcode, opcode === 1 ? 'é' : Buffer.from([0xff, 0xc3]), true);
      target.take();
    }
    expect(target.heldBytes).toBe(0);
  });
});

describe('the memory budget of an assembler [A23]', () => {
  test('F25: the budget counts the memory of a message until the message is taken or cleared', () => {
    const budget = new MemoryBudget(10_000);
    const target = assembler(MAX, budget);
    for (const finish of [() => target.take(), () => target.clear()]) {
      add(target, 2, Buffer.alloc(3000));
      expect(budget.used).toBe(target.heldBytes);
      expect(budget.used).toBeGreaterThanOrEqual(3000);
      add(target, 0, Buffer.alloc(3000));
      expect(budget.used).toBe(target.heldBytes);
      finish();
      expect(budget.used).toBe(0);
    }
  });

  test('F25: the budget counts the bytes of all messages; when it is full, a second connection stops reading until the first message is taken', () => {
    const budget = new MemoryBudget(10_000);
    const calls: string[] = [];
    const make = (name: string): MessageAssembler =>
      new MessageAssembler(MAX, budget, {
        isStopped: false,
        waitForRoom: () => calls.push(`${name} waits`),
        readOn: () => calls.push(`${name} reads on`),
        shed: (error) => calls.push(`${name} ${error.code}`),
      });
    const [one, other] = [make('one'), make('other')];
    // The budget is more than three quarters full. However, no other connection waits to be read, so this connection continues.
    add(one, 2, Buffer.alloc(9000));
    expect(calls).toEqual([]);
    add(other, 2, Buffer.alloc(3000));
    expect(calls).toEqual(['other waits']);
    expect(budget.used).toBe(one.heldBytes + other.heldBytes);
    add(one, 0, Buffer.alloc(10), true);
    expect(one.take().length).toBe(9010);
    expect(calls).toEqual(['other waits', 'other reads on']);
    other.leave();
    expect(budget.used).toBe(0);
  });
});
