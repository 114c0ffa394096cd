import { describe, expect, test } from 'vitest';
import { COPY_UP_TO, FrameWriter, RSV1 } from '../../src/frame/writer.ts';
import { bench, MemorySink, type ReadFrame, roles } from './harness.ts';

function shape(frames: readonly ReadFrame[]): [boolean, number, number, number][] {
  return frames.map(({ fin, rsv, opcode, payload }) => [fin, rsv, opcode, payload.length]);
}

describe.each(roles)('frames of a %s', (role) => {
  test('F17, F23: a message that fits is one frame, otherwise the first has type and RSV1 and the last FIN', () => {
    const sink = new MemorySink();
    const writer = new FrameWriter(sink, role, () => {});
    writer.writeMessage(RSV1 | 2, Buffer.alloc(10), false, 10);
    writer.writeMessage(RSV1 | 2, Buffer.alloc(10), false, 9);
    writer.writeMessage(1, Buffer.alloc(0), false, 1);
    writer.writeMessage(1, Buffer.alloc(COPY_UP_TO * 2 + 1), false, COPY_UP_TO + 1);
    expect(shape(sink.frames)).toEqual([
      [true, 4, 2, 10],
      [false, 4, 2, 9],
      [true, 0, 0, 1],
      [true, 0, 1, 0],
      [false, 0, 1, COPY_UP_TO + 1],
      [true, 0, 0, COPY_UP_TO],
    ]);
  });

  test('F17, F23: what is left, up to the size of a last fragment, is not cut off it', () => {
    const sink = new MemorySink();
    const writer = new FrameWriter(sink, role, () => {});
    for (const length of [19, 20, 29, 30, 100]) {
      writer.writeMessage(RSV1 | 2, Buffer.alloc(length), false, 10, 19);
    }
    expect(shape(sink.frames).map(([fin, , , length]) => [fin, length])).toEqual([
      [true, 19],
      ...[
        [false, 10],
        [true, 10],
      ],
      ...[
        [false, 10],
        [true, 19],
      ],
      ...[
        [false, 10],
        [false, 10],
        [true, 10],
      ],
      ...Array.from({ length: 9 }, () => [false, 10]),
      [true, 10],
    ]);
  });

  test('F1, F13: a payload of ours may be masked where it lies, another never is', () => {
    for (const isOurs of [false, true]) {
      const sink = new MemorySink();
      const payload = Buffer.alloc(9000, 7);
      new FrameWriter(sink, role, () => {}).writeMessage(2, payload, isOurs, 4500);
      if (!isOurs) expect(payload.equals(Buffer.alloc(9000, 7))).toBe(true);
      expect(Buffer.concat(sink.frames.map((sent) => sent.payload)).equals(Buffer.alloc(9000, 7))).toBe(true);
    }
  });

  test('F17: isWriting from the first of several steps to the last, then onWritten, once', () => {
    const sink = new MemorySink();
    let written = 0;
    const during: boolean[] = [];
    const writer = new FrameWriter(sink, role, () => {
      expect(writer.isWriting).toBe(false);
      written++;
    });
    sink.onSend = () => during.push(writer.isWriting);
    writer.writeSmall(9, Buffer.alloc(3));
    writer.writeText('text');
    expect([during.splice(0), written]).toEqual([[false, false], 0]);
    writer.writeMessage(2, Buffer.alloc(5000), false, Infinity);
    expect([during.splice(0), written]).toEqual([[true, true], 1]);
    writer.writeMessage(2, Buffer.alloc(10_000), false, 5000);
    expect([during.splice(0), written]).toEqual([[true, true, true, true], 2]);
  });

  test('F23: a fragmented message that is stopped ends behind the frame at hand; the next one is whole', () => {
    const sink = new MemorySink();
    const writer = new FrameWriter(sink, role, () => {});
    sink.onSend = () => {
      if (sink.frames.length === 2) writer.stopMessage();
    };
    writer.writeMessage(2, Buffer.alloc(50), false, 10);
    expect(shape(sink.frames).length).toBe(2);
    sink.onSend = null;
    writer.writeMessage(2, Buffer.alloc(50), false, 10);
    expect(shape(sink.frames).length).toBe(7);
  });

  test('F23: messages from inside the sink come behind the one that is half written, in order; pings do not wait [A49]', () => {
    for (const fragmentSize of [5000, 10_000]) {
      const { endpoint, sink } = bench(role);
      const bytes = Buffer.alloc(100, 7);
      let calls = 0;
      sink.onSend = () => {
        // The sink hears of a header, then of its payload: behind that a control frame may come.
        if (calls++ !== 1) return;
        expect(endpoint.sendText('small')).toBe(5);
        expect(endpoint.sendBinary(bytes)).toBe(100);
        // A small payload is its owner's again, as ever.
        bytes.fill(8);
        endpoint.sendFragmented('x'.repeat(9000), 5000);
        if (role === 'server') endpoint.sendSerialized(Buffer.from([0x82, 1, 9]), 1);
        endpoint.ping();
        endpoint.sendText('z'.repeat(5000));
        expect(sink.held).toBe(5 + 100 + 9000 + (role === 'server' ? 3 : 0) + 5000);
      };
      endpoint.sendFragmented(Buffer.alloc(9000, 1), fragmentSize);
      const messages: [number, number][] = [];
      for (const { opcode, payload } of sink.frames) {
        if (opcode === 0) messages.at(-1)![1] += payload.length;
        else if (opcode === 9) expect(payload.length).toBe(0);
        else messages.push([opcode, payload.length]);
      }
      expect(messages).toEqual([
        [2, 9000],
        [1, 5],
        [2, 100],
        [1, 9000],
        ...(role === 'server' ? [[2, 1]] : []),
        [1, 5000],
      ]);
      expect(sink.frames.find(({ payload }) => payload.length === 100)?.payload).toEqual(
        Buffer.alloc(100, 7),
      );
      expect(sink.held).toBe(0);
    }
  });

  test('F23, C16: what waits inside a failure is given up with the rest of the message', () => {
    const { endpoint, sink } = bench(role);
    let calls = 0;
    sink.onSend = () => {
      if (calls++ > 0) return;
      endpoint.sendText('given up');
      endpoint.fail(new Error('inside'));
    };
    endpoint.sendFragmented(Buffer.alloc(50), 10);
    expect(sink.frames.map(({ opcode }) => opcode)).toEqual([2, 8]);
    expect(sink.held).toBe(0);
  });

  test('C3, C10, C16: a Close from inside a sink waits for the message that is half written', () => {
    for (const how of ['close', 'fail'] as const) {
      for (const data of [Buffer.alloc(9000, 1), 'x'.repeat(9000)]) {
        for (const fragmentSize of [5000, 10_000]) {
          const { endpoint, sink, sentCloseCode } = bench(role);
          let calls = 0;
          sink.onSend = () => {
            if (calls++ > 0) return;
            if (how === 'close') endpoint.close(3000);
            else endpoint.fail(new Error('inside'));
          };
          endpoint.sendFragmented(data, fragmentSize);
          const frames = sink.frames;
          expect(frames.at(-1)?.opcode).toBe(8);
          expect(sentCloseCode()).toBe(how === 'close' ? 3000 : 1011);
          // A failure gives the rest up, at the border of a frame.
          const whole = how === 'close' || fragmentSize > 9000;
          expect(frames.length - 1).toBe(fragmentSize > 9000 ? 1 : whole ? 2 : 1);
          expect(frames.at(-2)?.fin).toBe(whole);
          expect(sink.calls.filter((call) => call === 'end').length).toBe(how === 'fail' ? 1 : 0);
        }
      }
    }
  });
});
