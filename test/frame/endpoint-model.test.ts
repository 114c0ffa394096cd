/**
 * Compares an endpoint with a model. The test uses random sequences of all possible events, allowed or not. The model knows the rules for
 * frames, but it does not handle bytes. A second test checks that the reported events do not depend on the chunks in which the bytes
 * arrive.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EndpointState } from '../../src/frame/endpoint.ts';
import { type Bench, bench, cut, type FrameSpec, peerFrame, roles, sendFragmented } from './harness.ts';

/** The frames that the peer can send. Each of them is one event of a sequence. */
const peerFrames = {
  text: { opcode: 1, payload: 'text' },
  binary: { opcode: 2, payload: 'data' },
  textStart: { opcode: 1, fin: false, payload: 'te' },
  binaryStart: { opcode: 2, fin: false, payload: 'da' },
  more: { opcode: 0, fin: false, payload: 'xt' },
  last: { opcode: 0, payload: 'end' },
  emptyLast: { opcode: 0, payload: '' },
  badText: { opcode: 1, payload: '\xff' },
  badMore: { opcode: 0, fin: false, payload: '\xff' },
  ping: { opcode: 9, payload: 'ping' },
  otherPing: { opcode: 9, payload: 'other' },
  pong: { opcode: 10, payload: 'pong' },
  close: { opcode: 8, payload: '\x03\xe8bye' },
  emptyClose: { opcode: 8, payload: '' },
  badClose: { opcode: 8, payload: '\x03\xed' },
  shortClose: { opcode: 8, payload: '\x03' },
  reserved: { opcode: 1, payload: 'x', rsv: 1 },
  unknown: { opcode: 5, payload: '' },
  fragmentedPing: { opcode: 9, fin: false, payload: '' },
  tooBig: { opcode: 2, payload: 'x'.repeat(101) },
} satisfies Record<string, { opcode: number; payload: string; fin?: boolean; rsv?: number }>;
type FrameName = keyof typeof peerFrames;

const LIMIT = 100;

type Step =
  | { do: 'receive'; frames: FrameName[] }
  | { do: 'close'; code: number | undefined }
  | {
      do:
        | 'sendText'
        | 'sendFragmented'
        | 'ping'
        | 'pause'
        | 'resume'
        | 'pauseInNextEvent'
        | 'terminate'
        | 'receiveEnd'
        | 'transportClosed'
        | 'messageTimedOut'
        | 'block'
        | 'unblock';
    };

const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');

/** A model of RFC 6455 §5.4, §5.5 and §7 that handles only complete frames. */
class Model {
  state: 'Open' | 'CloseSent' | 'CloseReceived' | 'Closed' = 'Open';
  readonly log: unknown[][] = [];
  /** The opcode and the payload of each sent frame. */
  readonly sent: [number, string][] = [];
  isServer: boolean;
  ended = false;
  destroyed = false;
  #deaf = false;
  #isDiscarding = false;
  #waiting: FrameName[] = [];
  #endWaits = false;
  readonly #pausedBy = new Set<string>();
  #pauseInNextEvent = false;
  #blocked = false;
  #pong: string | null = null;
  #message: { text: boolean; bytes: string } | null = null;
  #close: [number, string, boolean] = [1006, '', false];

  constructor(isServer: boolean) {
    this.isServer = isServer;
  }

  run(step: Step): void {
    switch (step.do) {
      case 'receive':
        if (!this.#deaf) this.#waiting.push(...step.frames);
        this.#process();
        break;
      case 'receiveEnd':
        this.#endWaits = true;
        this.#process();
        break;
      case 'close':
        if (this.state !== 'Open') break;
        this.state = 'CloseSent';
        this.#send(
          8,
          step.code === undefined ? '' : hex(String.fromCharCode(step.code >> 8, step.code & 255)),
        );
        this.#report('onClosing', false);
        // FAULT-2: close() ends the pause, and messages that arrive later are dropped.
        if (this.#pausedBy.delete('pause')) {
          this.#isDiscarding = true;
          this.#process();
        }
        break;
      case 'sendText':
        if (this.state === 'Open') this.#send(1, hex('hi'));
        break;
      case 'sendFragmented':
        if (this.state === 'Open') this.sent.push([1, hex('ab')], [0, hex('c')]);
        break;
      case 'ping':
        if (this.state === 'Open') this.#send(9, '');
        break;
      case 'pause':
        if (!this.#deaf) this.#pausedBy.add(step.do);
        break;
      case 'resume':
        this.#pausedBy.delete('pause');
        this.#process();
        break;
      case 'pauseInNextEvent':
        this.#pauseInNextEvent = true;
        break;
      case 'terminate':
        if (this.state === 'Closed') break;
        if (this.state === 'Open') this.state = 'CloseSent';
        this.destroyed = true;
        this.#goDeaf();
        break;
      case 'transportClosed':
        this.#lose();
        break;
      case 'messageTimedOut':
        if (!this.#deaf && this.#message !== null) this.#fail('WS_MESSAGE_TIMEOUT', 1008);
        break;
      case 'block':
        this.#blocked = true;
        break;
      case 'unblock':
        this.#blocked = false;
        if (this.#pong !== null) this.#send(10, this.#pong);
        this.#pong = null;
        break;
    }
  }

  #process(): void {
    while (this.#pausedBy.size === 0 && this.#waiting.length > 0) this.#receive(this.#waiting.shift()!);
    if (this.#pausedBy.size > 0 || !this.#endWaits) return;
    this.#endWaits = false;
    this.ended = true;
    if (this.state !== 'CloseReceived') this.#lose();
  }

  #receive(name: FrameName): void {
    const violation = this.#violationOf(name);
    const { opcode, payload } = peerFrames[name];
    if (violation !== null) this.#fail(...violation);
    else if (opcode === 8) this.#receiveClose(payload);
    else if (opcode === 9) this.#receivePing(hex(payload));
    else if (opcode === 10) this.#report('onPong', hex(payload));
    else this.#receiveData(name);
  }

  /** Returns the rule that a frame breaks in the current state, and the close code of this rule. */
  #violationOf(name: FrameName): [string, number] | null {
    const { opcode, payload } = peerFrames[name];
    const message = this.#message;
    if ('rsv' in peerFrames[name]) return ['WS_RESERVED_BITS', 1002];
    if (opcode === 5) return ['WS_UNKNOWN_OPCODE', 1002];
    if (opcode > 7 && 'fin' in peerFrames[name]) return ['WS_FRAGMENTED_CONTROL', 1002];
    if (opcode === 8 && payload.length === 1) return ['WS_CLOSE_LENGTH', 1002];
    if (opcode === 8 && payload === '\x03\xed') return ['WS_CLOSE_CODE', 1002];
    if (opcode > 7) return null;
    if (opcode === 0 && message === null) return ['WS_UNEXPECTED_CONTINUATION', 1002];
    if (opcode !== 0 && message !== null) return ['WS_INTERLEAVED_MESSAGE', 1002];
    if ((message?.bytes.length ?? 0) + payload.length > LIMIT) return ['WS_MESSAGE_TOO_BIG', 1009];
    const isText = message === null ? opcode === 1 : message.text;
    // The endpoint does not decode messages that it drops.
    return isText && !this.#isDiscarding && payload.includes('\xff') ? ['WS_INVALID_UTF8', 1007] : null;
  }

  #receivePing(payload: string): void {
    if (this.#blocked) this.#pong = payload;
    else this.#send(10, payload);
    this.#report('onPing', payload);
  }

  #receiveData(name: FrameName): void {
    const { opcode, payload } = peerFrames[name];
    const message = this.#message ?? { text: opcode === 1, bytes: '' };
    message.bytes += payload;
    const isLast = !('fin' in peerFrames[name]);
    this.#message = isLast ? null : message;
    if (!isLast) this.#report('onFragment');
    else if (message.text) this.#report('onText', message.bytes, message.bytes.length);
    else this.#report('onBinary', hex(message.bytes), message.bytes.length);
  }

  #receiveClose(payload: string): void {
    const byPeer = this.state === 'Open';
    this.#close = [payload === '' ? 1005 : 1000, payload.slice(2), byPeer];
    this.state = 'CloseReceived';
    this.#goDeaf();
    if (byPeer) this.#send(8, hex(payload));
    if (this.isServer) this.ended = true;
    if (byPeer) this.#report('onClosing', true);
  }

  #fail(code: string, closeCode: number): void {
    this.#goDeaf();
    if (this.state === 'Open') {
      this.state = 'CloseSent';
      this.#send(8, closeCode.toString(16).padStart(4, '0'));
    }
    this.ended = true;
    this.#report('onError', code);
    this.#process();
  }

  #lose(): void {
    if (this.state === 'Closed') return;
    const [code, reason, byPeer] = this.#close;
    const wasClean = this.state === 'CloseReceived';
    this.state = 'Closed';
    this.#goDeaf();
    this.#report('onClose', code, reason, wasClean, byPeer);
  }

  #goDeaf(): void {
    this.#deaf = true;
    this.#waiting = [];
    this.#message = null;
    this.#pong = null;
    this.#pausedBy.clear();
  }

  #send(opcode: number, payload: string): void {
    if (!this.destroyed) this.sent.push([opcode, payload]);
  }

  #report(...event: unknown[]): void {
    const isOfPeer = ['onText', 'onBinary', 'onFragment', 'onPing', 'onPong'].includes(String(event[0]));
    if (this.#isDiscarding && isOfPeer) return;
    this.log.push(event);
    if (!this.#pauseInNextEvent) return;
    this.#pauseInNextEvent = false;
    if (!this.#deaf) this.#pausedBy.add('pause');
  }
}

/** Performs the same step on the real endpoint. */
function perform(connection: Bench, step: Step, pauseNext: { value: boolean }): void {
  const { endpoint, sink, role } = connection;
  switch (step.do) {
    case 'receive': {
      const bytes = step.frames.map((name) => {
        const spec = peerFrames[name];
        return peerFrame(role, { ...spec, payload: Buffer.from(spec.payload, 'latin1') } as FrameSpec);
      });
      endpoint.receive(Buffer.concat(bytes));
      break;
    }
    case 'close':
      endpoint.close(step.code);
      break;
    case 'sendText':
      endpoint.sendText('hi');
      break;
    case 'sendFragmented':
      sendFragmented(endpoint, 'abc', 2);
      break;
    case 'pauseInNextEvent':
      pauseNext.value = true;
      break;
    case 'block':
      sink.blocked = true;
      break;
    case 'unblock':
      sink.blocked = false;
      endpoint.transportDrained();
      break;
    default:
      endpoint[step.do]();
  }
}

const frameName = fc.constantFrom(...(Object.keys(peerFrames) as FrameName[]));
const friendly = fc.constantFrom<FrameName>(
  'text',
  'binary',
  'textStart',
  'more',
  'last',
  'ping',
  'pong',
  'otherPing',
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('receive' as const),
      frames: fc.array(friendly, { maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('receive' as const),
      frames: fc.array(frameName, { maxLength: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('close' as const), code: fc.constantFrom(undefined, 1000, 3000) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(['sendText', 'sendFragmented', 'ping', 'pause', 'resume', 'resume'] as const),
        ...(['pauseInNextEvent', 'block', 'unblock'] as const),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('terminate', 'receiveEnd', 'transportClosed', 'messageTimedOut' as const),
    }),
  },
);

describe.each(roles)('a %s compared with a model of the endpoint', (role) => {
  test('C3, C4, C6, C7, C8, C12, C13, C16, C17, F5, F15, F17, F19, F23, F24: for any order of events, the endpoint sends and reports the same as the model', () => {
    const reached = { CloseSent: 0, CloseReceived: 0, Closed: 0, Open: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const connection = bench(role, { maxMessageSize: LIMIT });
        const { endpoint, sink, events } = connection;
        const model = new Model(role === 'server');
        const pauseNext = { value: false };
        events.act = () => {
          if (!pauseNext.value) return;
          pauseNext.value = false;
          endpoint.pause();
        };
        for (const one of [...steps, { do: 'transportClosed' } as const]) {
          perform(connection, one, pauseNext);
          model.run(one);
          expect(events.log).toEqual(model.log);
          expect(endpoint.state).toBe(EndpointState[model.state]);
          const sent = sink.frames.map(({ opcode, payload }) => {
            // For a Close frame after a violation, only the code is compared, because other tests check the text.
            const isFailure = opcode === 8 && payload.length > 5;
            return [opcode, payload.toString('hex', 0, isFailure ? 2 : undefined)];
          });
          expect(sent).toEqual(model.sent);
          expect(sink.calls.includes('end')).toBe(model.ended);
          expect(sink.calls.includes('destroy')).toBe(model.destroyed);
          if (one !== steps.at(-1)) continue;
          reached[model.state]++;
        }
        expect(events.of('onClose').length).toBe(1);
      }),
      { numRuns: 1500, seed: 6455 },
    );
    // The sequences must end in every state, and often.
    for (const count of Object.values(reached)) expect(count).toBeGreaterThan(50);
  });
});

/** A random stream of frames. Most of the frames obey the rules. */
const stream = fc.array(fc.oneof({ weight: 5, arbitrary: friendly }, { weight: 1, arbitrary: frameName }), {
  minLength: 1,
  maxLength: 12,
});

describe.each(roles)('a %s that receives the same bytes in different chunks', (role) => {
  test('F18, F24, F26: however the bytes are divided into chunks, the endpoint reports the same events and sends the same answers [A25]', () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(
        stream,
        fc.array(fc.constantFrom('', 'Grüße', '€😀', 'x'.repeat(80), '\xff', 'ab'.repeat(50)), {
          maxLength: 12,
        }),
        fc.array(fc.nat(400), { maxLength: 20 }),
        (names, payloads, places) => {
          const bytes = Buffer.concat(
            names.map((name, i) => {
              const spec = peerFrames[name];
              const data = spec.opcode < 8 ? payloads[i] : undefined;
              const payload =
                data === undefined || data === '\xff' ? Buffer.from(spec.payload, 'latin1') : data;
              return peerFrame(role, { ...spec, payload } as FrameSpec);
            }),
          );
          const outcome = (chunks: Buffer[]): unknown => {
            const { endpoint, events, sink } = bench(role, { maxMessageSize: LIMIT });
            for (const chunk of chunks) endpoint.receive(chunk);
            endpoint.transportClosed();
            for (const [name, code] of events.log)
              kinds.add(name === 'onError' ? String(code) : String(name));
            return [
              events.log,
              sink.frames.map(({ opcode, payload }) => [opcode, payload.toString('hex')]),
              sink.calls,
            ];
          };
          const whole = outcome([Buffer.from(bytes)]);
          const edges = places.filter((place) => place < bytes.length).sort((a, b) => a - b);
          expect(outcome(cut(bytes, ...edges))).toEqual(whole);
          expect(outcome(cut(bytes, ...Array.from({ length: bytes.length - 1 }, (_, i) => i + 1)))).toEqual(
            whole,
          );
        },
      ),
      { numRuns: 400, seed: 5455 },
    );
    expect(kinds.size).toBeGreaterThan(12);
  });
});
