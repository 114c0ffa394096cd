import { expect, test } from 'vitest';
import { isControl, isKnownOpcode, Opcode } from '../../src/frame/opcode.ts';

test('F7: of the sixteen opcodes, only 0, 1, 2, 8, 9 and 10 are defined', () => {
  const known = Array.from({ length: 16 }, (_, opcode) => opcode).filter(isKnownOpcode);
  expect(known).toEqual([0, 1, 2, 8, 9, 10]);
  expect(known).toEqual(Object.values(Opcode));
});

test('F16: a frame is a control frame if its opcode is 8 or more', () => {
  const control = Array.from({ length: 16 }, (_, opcode) => opcode).filter(isControl);
  expect(control).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
});
