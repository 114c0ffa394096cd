/**
 * Autobahn's groups 1 to 5 and 10: frames, pings, reserved bits, opcodes and fragmentation.
 */

import type { Case, FrameStep, Kind, Step, Writing } from '../case/model.ts';
import { hex, type Payload, repeated } from '../case/payload.ts';
import {
  close,
  closeAfter,
  continuation,
  failAfter,
  frame,
  message,
  messageEvent,
  pause,
  ping,
  pong,
  pongEvent,
  text,
} from '../case/steps.ts';
import { type Common, closes, expects, refuses } from './build.ts';

const hello = 'Hello, world!';
const bytes = hex('00fffefdfcfb00ff');
/** The ways in which the judge writes a sequence of frames: few writes, one write per frame, or one write per byte. */
const ways: readonly Writing[] = [{}, { ownWrite: true }, { chop: 1 }];

/** Groups 1.1 and 1.2: each case sends one frame. Together, the frames have all forms of the payload length. */
function lengths(group: string, kind: Kind, unit: Buffer): Case[] {
  const common: Common = { section: '6455 §5.2', covers: ['F10', 'F13', 'F14', 'F18', 'F24'] };
  const opcode = kind === 'text' ? 1 : 2;
  const table: readonly (readonly [number, Writing])[] = [
    ...[0, 125, 126, 127, 128, 65_535, 65_536].map((length) => [length, {}] as const),
    [65_536, { chop: 997 }],
  ];
  return table.map(([length, writing], i) => {
    const payload: Payload = length === 0 ? Buffer.alloc(0) : repeated(unit, length);
    const steps = [frame(opcode, payload, writing), failAfter(length < 1000 ? 1 : 10)];
    return expects(`${group}.${i + 1}`, common, steps, messageEvent(kind, payload));
  });
}

function pings(): Case[] {
  const common: Common = { section: '6455 §5.5.2', covers: ['C7'] };
  const unasked: Common = { section: '6455 §5.5.3', covers: ['C8'] };
  const answered = (id: string, payload: string | Payload, writing: Writing = {}, seconds = 1): Case =>
    expects(id, common, [ping(payload, writing), closeAfter(seconds)], pongEvent(payload));
  const ten = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
  const many = (id: string, writing: Writing): Case =>
    expects(
      id,
      common,
      [...ten.map((one) => ping(one, writing)), closeAfter(3)],
      ...ten.map((one) => pongEvent(one)),
    );
  return [
    answered('2.1', ''),
    answered('2.2', hello),
    answered('2.3', bytes),
    answered('2.4', repeated(hex('fe'), 125)),
    refuses(
      '2.5',
      { section: '6455 §5.5', covers: ['F16'] },
      [ping(repeated(hex('fe'), 126)), failAfter(1)],
      1002,
    ),
    answered('2.6', repeated(hex('fe'), 125), { chop: 1 }, 2),
    closes('2.7', unasked, [pong(), close(1000), closeAfter(1)], {}, false),
    closes('2.8', unasked, [pong('unsolicited pong payload'), close(1000), closeAfter(1)], {}, false),
    expects(
      '2.9',
      unasked,
      [pong('unsolicited pong payload'), ping('ping payload'), closeAfter(1)],
      pongEvent('ping payload'),
    ),
    many('2.10', {}),
    many('2.11', { chop: 1 }),
  ];
}

/**
 * Builds a case with an invalid frame between a valid message and a ping. The peer has to echo the message, and must not answer the
 * ping.
 */
function between(id: string, common: Common, bad: FrameStep, writing: Writing): Case {
  const steps = [text(hello, writing), { ...bad, ...writing }, ping('', writing), failAfter(1)];
  const events = [messageEvent('text', hello)];
  return refuses(id, common, steps, 1002, { events, tolerated: [] });
}

/** Builds a case with one invalid frame. */
function alone(id: string, common: Common, bad: FrameStep): Case {
  return refuses(id, common, [bad, failAfter(1)], 1002);
}

function reservedBits(): Case[] {
  const common: Common = { section: '6455 §5.2', covers: ['F6', 'F22', 'C14', 'C16', 'C17'] };
  return [
    alone('3.1', common, text(hello, { rsv: 1 })),
    ...ways.map((way, i) => between(`3.${i + 2}`, common, text(hello, { rsv: i + 2 }), way)),
    alone('3.5', common, frame(2, bytes, { rsv: 5 })),
    alone('3.6', common, frame(2, hello, { rsv: 6 })),
    alone('3.7', common, frame(8, '', { rsv: 7 })),
  ];
}

/** Groups 4.1 and 4.2: frames with five reserved opcodes. `first` is the lowest of these opcodes. */
function opcodes(group: string, first: number): Case[] {
  const common: Common = { section: '6455 §5.2', covers: ['F7', 'C14', 'C16', 'C17'] };
  return [
    alone(`${group}.1`, common, frame(first)),
    alone(`${group}.2`, common, frame(first + 1, 'reserved opcode payload')),
    between(`${group}.3`, common, frame(first + 2), {}),
    between(`${group}.4`, common, frame(first + 3, hello), {}),
    between(`${group}.5`, common, frame(first + 4, hello), { chop: 1 }),
  ];
}

function fragmentation(): Case[] {
  const common: Common = { section: '6455 §5.4', covers: ['F15', 'F17', 'F18', 'F19', 'F23', 'F24'] };
  const control: Common = { section: '6455 §5.4', covers: ['F16'] };
  const begun = (writing: Writing = {}): FrameStep => text('fragment1', { fin: false, ...writing });
  const both = messageEvent('text', 'fragment1fragment2');
  const refusal = (id: string, ...steps: Step[]): Case => refuses(id, common, [...steps, failAfter(1)], 1002);
  const stray = 'non-continuation payload';
  const thrice = (fin: boolean): FrameStep[] => [
    continuation('fragment1', { fin }),
    text('fragment2', { fin: false }),
    continuation('fragment3'),
  ];
  const withPings = (id: string, writing: Writing): Case => {
    const part = (payload: string): FrameStep => continuation(payload, { fin: false, ...writing });
    const steps = [
      begun(writing),
      part('fragment2'),
      ping('pongme 1!', writing),
      pause(1),
      part('fragment3'),
      part('fragment4'),
      ping('pongme 2!', writing),
      continuation('fragment5', writing),
      closeAfter(1),
    ];
    const whole = [1, 2, 3, 4, 5].map((i) => `fragment${i}`).join('');
    return expects(
      id,
      common,
      steps,
      pongEvent('pongme 1!'),
      pongEvent('pongme 2!'),
      messageEvent('text', whole),
    );
  };
  return [
    refuses(
      '5.1',
      control,
      [ping('fragment1', { fin: false }), continuation('fragment2'), failAfter(1)],
      1002,
    ),
    refuses(
      '5.2',
      control,
      [pong('fragment1', { fin: false }), continuation('fragment2'), failAfter(1)],
      1002,
    ),
    ...ways.map((way, i) =>
      expects(`5.${i + 3}`, common, [begun(way), continuation('fragment2', way), closeAfter(1)], both),
    ),
    ...ways.map((way, i) =>
      expects(
        `5.${i + 6}`,
        common,
        [begun(way), ping('ping payload', way), continuation('fragment2', way), closeAfter(1)],
        pongEvent('ping payload'),
        both,
      ),
    ),
    ...ways.map((way, i) => refusal(`5.${i + 9}`, continuation(stray, way), text(hello, way))),
    ...ways.map((way, i) =>
      refusal(`5.${i + 12}`, continuation(stray, { fin: false, ...way }), text(hello, way)),
    ),
    refuses(
      '5.15',
      common,
      [
        begun(),
        continuation('fragment2'),
        continuation('fragment3', { fin: false }),
        text('fragment4'),
        failAfter(1),
      ],
      1002,
      { events: [both], tolerated: [] },
    ),
    refusal('5.16', ...thrice(false), ...thrice(false)),
    refusal('5.17', ...thrice(true), ...thrice(true)),
    refusal('5.18', begun(), text('fragment2')),
    withPings('5.19', {}),
    withPings('5.20', { ownWrite: true }),
  ];
}

/** The cases of groups 1 to 5, in order. */
export const framingCases: readonly Case[] = [
  ...lengths('1.1', 'text', Buffer.from('*')),
  ...lengths('1.2', 'binary', hex('fe')),
  ...pings(),
  ...reservedBits(),
  ...opcodes('4.1', 3),
  ...opcodes('4.2', 11),
  ...fragmentation(),
];

const stars = repeated('*', 65_536);

export const miscellaneousCases: readonly Case[] = [
  expects(
    '10.1.1',
    { section: '6455 §5.4', covers: ['F18', 'F24'] },
    [message('text', stars, 1300), failAfter(10)],
    messageEvent('text', stars),
  ),
];
