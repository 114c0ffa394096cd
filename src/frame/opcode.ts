/** Defines the opcodes: RFC 6455 §5.2 (the four bits), §11.8 (the registry). assembler.ts checks the order of data frames (§5.4). */

/** The opcodes that RFC 6455 defines. 3–7 are reserved for data frames, and 11–15 are reserved for control frames. */
export const Opcode = {
  Continuation: 0x0,
  Text: 0x1,
  Binary: 0x2,
  Close: 0x8,
  Ping: 0x9,
  Pong: 0xa,
} as const;

export type Opcode = (typeof Opcode)[keyof typeof Opcode];

/** §5.5: if the most significant bit of the opcode is set, the frame is a control frame. */
export function isControl(opcode: number): boolean {
  return opcode >= 0x8;
}

// §5.2: one bit for each defined opcode: 0, 1, 2, 8, 9, 10.
const KNOWN = 0b0000_0111_0000_0111;

/** §5.2: whether the opcode is defined. If it is not defined, the receiver MUST fail the connection. */
export function isKnownOpcode(opcode: number): opcode is Opcode {
  return ((KNOWN >>> opcode) & 1) === 1;
}
