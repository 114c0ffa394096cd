/** Tests a message that is dropped between two of its pieces. RFC 6455 §5.4, §10.4. */
import { expect, test } from 'vitest';
import { MemoryBudget } from '../../src/frame/memory-budget.ts';
import { bench, peerFrame, roles } from './harness.ts';

test.each(roles)(
  'if a %s is closing and the memory budget has no room for the last piece of a message, the message is dropped',
  (role) => {
    for (const opcode of [1, 2]) {
      for (const fin of [true, false]) {
        const memoryBudget = new MemoryBudget(100_000);
        const { endpoint, events } = bench(role, { memoryBudget });
        endpoint.close(1000);
        const bytes = peerFrame(role, { opcode, fin, payload: 'x'.repeat(50_000) });
        endpoint.receive(Buffer.from(bytes.subarray(0, 500)));
        // Other connections fill the budget. One of them is the connection that may still be read.
        memoryBudget.count(100_000);
        const other = bench(role, { memoryBudget });
        other.endpoint.receive(peerFrame(role, { opcode: 2, payload: 'x'.repeat(9_000) }).subarray(0, 100));
        const before = memoryBudget.used;
        endpoint.receive(Buffer.from(bytes.subarray(500)));
        expect(events.of('onText'), `opcode ${opcode}`).toEqual([]);
        expect(events.of('onBinary'), `opcode ${opcode}`).toEqual([]);
        expect(events.of('onFragment'), `opcode ${opcode}`).toEqual([]);
        expect(memoryBudget.used).toBeLessThan(before);
        // The endpoint still processes the peer's Close frame.
        if (!fin) endpoint.receive(peerFrame(role, { opcode: 0, payload: 'x' }));
        endpoint.receive(peerFrame(role, { opcode: 8, payload: Buffer.from([3, 232]) }));
        endpoint.transportClosed();
        expect(events.of('onClose')).toEqual([[1000, '', true, false]]);
      }
    }
  },
);
