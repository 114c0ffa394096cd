import { describe, expect, test } from 'vitest';
import {
  CloseCode,
  isWireCloseCode,
  parseClosePayload,
  serializeClosePayload,
} from '../../src/frame/close-code.ts';
import { ProtocolError } from '../../src/frame/violation.ts';

/** The registered codes that a Close frame may contain. */
const wireCodes = new Set([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]);
for (let code = 3000; code <= 4999; code++) wireCodes.add(code);

function withCode(code: number, rest: Uint8Array | string = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(rest as string)]);
}

function parse(payload: Buffer): { code: number; reason: string } {
  // The payload does not start at the beginning of its memory, and other bytes follow the payload.
  const memory = Buffer.concat([Buffer.from('ab'), payload, Buffer.from([0xff])]);
  return parseClosePayload(memory, 2, 2 + payload.length);
}

function violationOf(payload: Buffer): string {
  try {
    parse(payload);
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
  return 'none';
}

describe('parsing the payload of a Close frame', () => {
  test('C23, C24: of all 65,536 codes, parsing accepts only the registered codes that may be sent, and 3000 to 4999 [A31]', () => {
    for (let code = 0; code <= 0xffff; code++) {
      const expected = wireCodes.has(code);
      if (isWireCloseCode(code) !== expected) expect.fail(`isWireCloseCode(${code})`);
      const payload = withCode(code, 'why');
      if (!expected) {
        if (violationOf(payload) !== 'WS_CLOSE_CODE') expect.fail(`${code} was accepted`);
        continue;
      }
      const close = parse(payload);
      if (close.code !== code || close.reason !== 'why') expect.fail(`${code} became ${close.code}`);
    }
  });

  test('C23: a number that is not an integer, or is outside 1000 to 4999, is not a close code', () => {
    for (const code of [Number.NaN, Infinity, 1000.5, 3000.1, -1000, 1e9]) {
      expect(isWireCloseCode(code), String(code)).toBe(false);
    }
  });

  test('C1, C13: parsing an empty payload returns code 1005 without a reason', () => {
    expect(parse(Buffer.alloc(0))).toEqual({ code: 1005, reason: '' });
  });

  test('C1: parsing refuses a payload of one byte with 1002 [A31]', () => {
    for (const byte of [0, 3, 255]) expect(violationOf(Buffer.from([byte]))).toBe('WS_CLOSE_LENGTH');
    expect(new ProtocolError('WS_CLOSE_LENGTH').closeCode).toBe(1002);
    expect(new ProtocolError('WS_CLOSE_CODE').closeCode).toBe(1002);
  });

  test('C1: parsing a payload of two bytes returns its code and an empty reason', () => {
    expect(parse(withCode(4711))).toEqual({ code: 4711, reason: '' });
  });

  test('C1: parsing reads a reason of up to 123 bytes as UTF-8', () => {
    for (const reason of ['x', 'é€😀', '\ufeffmark', '\ufffd', 'x'.repeat(123), '€'.repeat(41), '\0']) {
      expect(parse(withCode(1000, reason))).toEqual({ code: 1000, reason });
    }
  });

  test('C1: parsing refuses a reason that is not UTF-8 with 1007 [A31]', () => {
    for (const reason of ['ff', 'c3', '78c3', 'c080', 'eda080', 'f4908080', 'e282', '80']) {
      expect(violationOf(withCode(1000, Buffer.from(reason, 'hex'))), reason).toBe('WS_CLOSE_REASON');
    }
    expect(new ProtocolError('WS_CLOSE_REASON').closeCode).toBe(1007);
  });
});

describe('serializing the payload of a Close frame', () => {
  test('C10: a serialized payload is the code in network byte order, followed by the reason in UTF-8', () => {
    expect(serializeClosePayload(1000).toString('hex')).toBe('03e8');
    expect(serializeClosePayload(3000, 'é').toString('hex')).toBe('0bb8c3a9');
    expect(serializeClosePayload().length).toBe(0);
  });

  test('C23, C24: serializing throws for every code that must not be sent', () => {
    for (let code = -1; code <= 0x10000; code++) {
      if (wireCodes.has(code)) {
        const payload = serializeClosePayload(code);
        if (payload.readUInt16BE() !== code || payload.length !== 2) expect.fail(String(code));
      } else if (!throwsRangeError(() => serializeClosePayload(code))) {
        expect.fail(`${code} was serialized`);
      }
    }
    for (const code of [Number.NaN, Infinity, 1000.5]) {
      expect(() => serializeClosePayload(code)).toThrow(RangeError);
    }
  });

  test('F16: serializing accepts a reason of up to 123 bytes of UTF-8, and counts bytes, not characters', () => {
    expect(serializeClosePayload(1000, 'x'.repeat(123)).length).toBe(125);
    expect(serializeClosePayload(1000, '€'.repeat(41)).length).toBe(125);
    expect(() => serializeClosePayload(1000, 'x'.repeat(124))).toThrow(/124 bytes/);
    expect(() => serializeClosePayload(1000, `€${'x'.repeat(121)}`)).toThrow(RangeError);
  });

  test('C1: serializing throws for a reason without a code', () => {
    expect(() => serializeClosePayload(undefined, 'why')).toThrow(TypeError);
  });

  test('C1: serializing writes a lone surrogate in a reason as U+FFFD, and counts its three bytes', () => {
    expect(serializeClosePayload(1000, 'a\ud800b').toString('hex')).toBe('03e861efbfbd62');
    expect(serializeClosePayload(1000, '\udc00'.repeat(41)).length).toBe(125);
  });

  test('C1: parsing a serialized payload returns the same code and the same reason', () => {
    for (const code of [1000, 1014, 3000, 4999]) {
      expect(parse(serializeClosePayload(code, 'grüß'))).toEqual({ code, reason: 'grüß' });
    }
  });
});

test('C22: the constants of CloseCode have the numbers of the registry', () => {
  expect(CloseCode).toEqual({
    NormalClosure: 1000,
    GoingAway: 1001,
    ProtocolError: 1002,
    UnsupportedData: 1003,
    NoStatusReceived: 1005,
    AbnormalClosure: 1006,
    InvalidPayload: 1007,
    PolicyViolation: 1008,
    MessageTooBig: 1009,
    MandatoryExtension: 1010,
    InternalError: 1011,
    ServiceRestart: 1012,
    TryAgainLater: 1013,
    BadGateway: 1014,
    TlsHandshake: 1015,
  });
});

function throwsRangeError(call: () => unknown): boolean {
  try {
    call();
  } catch (error) {
    return error instanceof RangeError;
  }
  return false;
}
