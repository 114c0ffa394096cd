/**
 * Describes steps in words. So a case that is built from a table gets a description too.
 */

import { opcodeName } from '../run/timeline.ts';
import { isUtf8 } from '../wire/utf8.ts';
import type { FrameStep, Step } from './model.ts';
import { bytesOf, type Payload } from './payload.ts';

/** Describes a payload: its text, its bytes in hex, or the repeated unit and the length. */
export function describePayload(payload: Payload): string {
  if (payload.length === 0) return 'no bytes';
  if (!Buffer.isBuffer(payload) && 'seed' in payload) return `${payload.length} bytes that never repeat`;
  if (!Buffer.isBuffer(payload)) {
    const unit = isUtf8(payload.unit) ? `"${payload.unit}"` : `0x${payload.unit.toString('hex')}`;
    return `${payload.length} bytes of ${unit}`;
  }
  const bytes = bytesOf(payload);
  const printable = isUtf8(bytes) && !/\p{C}/u.test(bytes.toString());
  if (printable && bytes.length <= 40) return `"${bytes}"`;
  const hex = bytes.toString('hex', 0, 24);
  return bytes.length > 24 ? `${bytes.length} bytes 0x${hex}...` : `0x${hex}`;
}

/** Describes the steps that send something to the peer: `a text frame with "a" (not final), then …`. */
export function describeSteps(steps: readonly Step[]): string {
  const parts = steps.filter(({ do: kind }) => kind !== 'limit').map(describeStep);
  return parts.join(', then ');
}

function describeStep(step: Step): string {
  switch (step.do) {
    case 'frame':
      return describeFrameStep(step);
    case 'message':
      return `a ${step.kind} message with ${describePayload(step.payload)} (in frames of ${step.fragmentSize} bytes)`;
    case 'close':
      return describeClose(step.payload);
    case 'bytes':
      return `${step.ofFrame === true ? 'the payload' : 'the bytes'} ${describePayload(step.bytes)}`;
    case 'pause':
      return `nothing for ${step.seconds} s${step.tag === undefined ? '' : ` (time-out ${step.tag})`}`;
    case 'await':
      return `nothing until the peer's ${step.what}`;
    case 'loop':
      return `${step.messages.full} ${step.kind} messages (${step.messages.quick} in the quick profile), one by one`;
    case 'half-close':
      return "the end of the judge's side of TCP";
    case 'reset':
      return 'a TCP reset';
    default:
      return step.do;
  }
}

function describeFrameStep({
  opcode,
  payload,
  fin,
  rsv = 0,
  chop,
  ownWrite,
  headerOnly,
  mask,
  lengthForm,
}: FrameStep): string {
  const name = opcodeName(opcode);
  const article = /^[aeiou]/.test(name) ? 'an' : 'a';
  const bits = [4, 2, 1]
    .filter((bit) => (rsv & bit) !== 0)
    .map((bit) => `RSV${bit === 4 ? 1 : bit === 2 ? 2 : 3}`);
  const marks = [
    ...(fin === false ? ['not final'] : []),
    ...(bits.length > 0 ? [bits.join(' and ')] : []),
    ...(mask === 'wrong way' ? ['masked the wrong way'] : []),
    ...(lengthForm === undefined ? [] : [`with its length in ${lengthForm} bits`]),
    ...(chop === undefined ? [] : [`in writes of ${chop} byte${chop === 1 ? '' : 's'}`]),
    ...(ownWrite === true ? ['in a separate write'] : []),
  ];
  const whole =
    payload.length === 0
      ? `an empty ${name} frame`
      : `${article} ${name} frame with ${describePayload(payload)}`;
  const what = headerOnly === true ? `the header of ${article} ${name} frame` : whole;
  return marks.length === 0 ? what : `${what} (${marks.join(', ')})`;
}

function describeClose(payload: Payload): string {
  const bytes = bytesOf(payload);
  if (bytes.length === 0) return 'a Close frame without a code';
  if (bytes.length === 1) return `a Close frame with only the byte 0x${bytes.toString('hex')}`;
  const reason = bytes.length > 2 ? ` and the reason ${describePayload(bytes.subarray(2))}` : '';
  return `a Close frame with ${bytes.readUInt16BE(0)}${reason}`;
}
