/**
 * For each row of `violations`, these tests have the shortest input that breaks the rule. If a row has no input, the tests fail. The codec
 * of permessage-deflate reports the violations of RFC 7692.
 */
import { describe, expect, test } from 'vitest';
import { isWireCloseCode } from '../../src/frame/close-code.ts';
import { EndpointState } from '../../src/frame/endpoint.ts';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import type { Role } from '../../src/frame/parser.ts';
import { ProtocolError, type ViolationCode, violations } from '../../src/frame/violation.ts';
import { codecOf, full } from '../deflate/harness.ts';
import { type Bench, bench, type FrameSpec, peerFrame, rfcKey, roles } from './harness.ts';

type Trigger = FrameSpec[] | ((connection: Bench) => void);

/** Inputs that an endpoint must refuse with a limit of 1,000 bytes per message and a budget of 1,500 bytes. */
const triggers: Record<ViolationCode, Trigger> = {
  WS_RESERVED_BITS: [{ opcode: 1, rsv: 2 }],
  WS_UNKNOWN_OPCODE: [{ opcode: 3 }],
  WS_UNMASKED_FRAME: [{ opcode: 1, key: null }],
  WS_MASKED_FRAME: [{ opcode: 1, key: rfcKey }],
  WS_FRAGMENTED_CONTROL: [{ opcode: 9, fin: false }],
  WS_CONTROL_TOO_LONG: [{ opcode: 9, length: 126n }],
  WS_NON_MINIMAL_LENGTH: [{ opcode: 1, length: 125n, form: 16 }],
  WS_LENGTH_MSB: [{ opcode: 1, length: 2n ** 63n }],
  WS_UNEXPECTED_CONTINUATION: [{ opcode: 0 }],
  WS_INTERLEAVED_MESSAGE: [{ opcode: 1, fin: false }, { opcode: 1 }],
  WS_CLOSE_LENGTH: [{ opcode: 8, payload: '\x03' }],
  WS_CLOSE_CODE: [{ opcode: 8, payload: Buffer.from([1005 >> 8, 1005 & 255]) }],
  WS_CLOSE_REASON: [{ opcode: 8, payload: Buffer.from([3, 232, 0xff]) }],
  WS_INVALID_UTF8: [{ opcode: 1, payload: Buffer.from([0xff]) }],
  WS_INVALID_DEFLATE: [{ opcode: 1, rsv: 4, payload: '\x07' }],
  WS_NO_DEFLATE_OUTPUT: [{ opcode: 1, rsv: 4, payload: Buffer.alloc(1_100_001, '000000ffff', 'hex') }],
  WS_EMPTY_FRAGMENTS: Array.from({ length: 1001 }, (_, i) => ({ opcode: i === 0 ? 1 : 0, fin: false })),
  WS_MESSAGE_TIMEOUT: (connection) => {
    connection.feed({ opcode: 1, fin: false, payload: 'half' });
    connection.endpoint.messageTimedOut();
  },
  WS_MESSAGE_TOO_BIG: [{ opcode: 2, length: 1001n }],
  WS_MEMORY_BUDGET: (connection) => {
    connection.feed({ opcode: 2, fin: false, payload: 'a' });
    // Other connections wait for the memory of this message, and the message makes no progress.
    const { budget, clock } = budgets.get(connection)!;
    for (let other = 0; other < 2; other++) {
      const { feed } = bench('server', { maxMessageSize: 1000, memoryBudget: budget });
      feed({ opcode: 2, fin: false, payload: Buffer.alloc(900) });
    }
    for (let second = 0; second < 4; second++) {
      clock.now += 1000;
      budget.review();
    }
  },
};

const budgets = new WeakMap<Bench, { budget: MemoryBudget; clock: { now: number } }>();

const rules = Object.keys(violations) as ViolationCode[];

function connect(role: Role, code: ViolationCode): Bench {
  const clock = { now: 0 };
  const memoryBudget = new MemoryBudget(1500, () => clock.now);
  const connection = violations[code].section.startsWith('7692 ')
    ? bench(role, { codec: codecOf(full, { synchronous: true }), maxMessageSize: 1_048_576 })
    : bench(role, { maxMessageSize: 1000, memoryBudget });
  budgets.set(connection, { budget: memoryBudget, clock });
  return connection;
}

describe('F26: each rule in the table of violations is enforced, and a Close frame with the code of the rule is sent', () => {
  for (const code of rules) {
    for (const role of roles) {
      if (
        (role === 'client' && code === 'WS_UNMASKED_FRAME') ||
        (role === 'server' && code === 'WS_MASKED_FRAME')
      ) {
        continue;
      }
      test(`F26, C16: if the peer of a ${role} breaks the rule, the ${role} fails with ${code}`, () => {
        const trigger = triggers[code];
        const connection = connect(role, code);
        const { endpoint, sink, events } = connection;
        if (typeof trigger === 'function') trigger(connection);
        else for (const spec of trigger) endpoint.receive(peerFrame(role, spec));

        const { closeCode, section, text } = violations[code];
        const [error, ...more] = events.errors;
        expect(more).toEqual([]);
        expect(error).toBeInstanceOf(ProtocolError);
        const sizes = code === 'WS_MESSAGE_TOO_BIG' ? ': 1001 bytes, the limit is 1000' : '';
        const message = text + sizes;
        expect(error).toMatchObject({ name: 'ProtocolError', code, closeCode, section, message });
        const close = sink.frames.at(-1);
        expect([close?.opcode, close?.fin, close?.masked]).toEqual([8, true, role === 'client']);
        expect(close?.payload.readUInt16BE()).toBe(closeCode);
        expect(close?.payload.toString('utf8', 2)).toBe(message);
        expect(sink.calls).toEqual(['closing', 'end']);
        expect(endpoint.state).toBe(EndpointState.CloseSent);
        endpoint.transportClosed();
        // C13: the endpoint has received no Close frame. So the reported code is 1006, although it has sent another code.
        expect(events.of('onClose')).toEqual([[1006, '', false, false]]);
      });
    }
  }

  test('F26: for each rule of the table, these tests have exactly one input that breaks the rule', () => {
    expect(Object.keys(triggers).sort()).toEqual(rules.sort());
  });
});

describe('the table of violations', () => {
  test.each(Object.entries(violations))(
    'C16, C22: the close code and the text of %s are valid in a Close frame',
    (_, row) => {
      expect(isWireCloseCode(row.closeCode)).toBe(true);
      expect([1002, 1007, 1008, 1009, 1013]).toContain(row.closeCode);
      expect(Buffer.byteLength(row.text)).toBeLessThanOrEqual(123);
      expect(row.section).toMatch(/^(6455|7692) §\d+(\.\d+)*$/);
    },
  );

  test('C22: each rule has a close code, and the definition of this code fits the rule', () => {
    const codes = (closeCode: number): string[] =>
      Object.entries(violations)
        .filter(([, row]) => row.closeCode === closeCode)
        .map(([code]) => code);
    expect(codes(1007)).toEqual(expect.arrayContaining(['WS_CLOSE_REASON', 'WS_INVALID_UTF8']));
    expect(codes(1008)).toEqual(['WS_EMPTY_FRAGMENTS', 'WS_MESSAGE_TIMEOUT']);
    expect(codes(1009)).toEqual(['WS_MESSAGE_TOO_BIG']);
    expect(codes(1013)).toEqual(['WS_MEMORY_BUDGET']);
  });

  test('FAULT-8: the message of WS_MESSAGE_TOO_BIG contains the limit and, if it is known, the size', () => {
    const known = new ProtocolError('WS_MESSAGE_TOO_BIG', { size: 1001, limit: 1000 });
    expect(known.message).toBe('the message is over the size limit: 1001 bytes, the limit is 1000');
    expect(known.reason).toBe(known.message);
    const decompressed = new ProtocolError('WS_MESSAGE_TOO_BIG', { limit: 1000 });
    expect(decompressed.message).toBe('the message is over the size limit: more than 1000 bytes');
    const largest = { size: Number.MAX_SAFE_INTEGER, limit: Number.MAX_SAFE_INTEGER };
    expect(new ProtocolError('WS_MESSAGE_TOO_BIG', largest).reason.length).toBeLessThanOrEqual(123);
  });

  test('a ProtocolError keeps the cause that was passed to its constructor', () => {
    const cause = new Error('why');
    expect(new ProtocolError('WS_INVALID_UTF8', { cause }).cause).toBe(cause);
  });
});
