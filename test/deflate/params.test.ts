/**
 * Tests the negotiation of permessage-deflate, RFC 7692 §5, §7 and §7.1. Every combination of parameters is checked against each sentence
 * of the RFC (`rules`). Every malformed parameter is tested in both roles.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acceptDeflate } from '../../src/deflate/accept.ts';
import { checkDeflateConfig, type DeflateConfig } from '../../src/deflate/config.ts';
import { confirmDeflate, confirmDeflateAnswer } from '../../src/deflate/confirm.ts';
import { offerDeflate } from '../../src/deflate/offer.ts';
import type { DeflateParams } from '../../src/deflate/params.ts';
import { type DeflateRefusalCode, deflateRefusals } from '../../src/deflate/refusal.ts';
import { verifyResponse } from '../../src/handshake/client.ts';
import type { HandshakeError } from '../../src/handshake/error.ts';
import { type ExtensionOffer, formatExtensions, parseExtensions } from '../../src/handshake/extension.ts';
import { acceptRequest, verifyRequest } from '../../src/handshake/server.ts';
import { prototypeKeys, refusalOf, request, response, sampleKey } from '../handshake/samples.ts';

/** The parameters of an element by name. `undefined` means that the parameter is absent. `null` means that it has no value. */
interface Parameters {
  readonly server_no_context_takeover?: null | undefined;
  readonly client_no_context_takeover?: null | undefined;
  readonly server_max_window_bits?: string | undefined;
  readonly client_max_window_bits?: string | null | undefined;
}

const names = [
  'server_no_context_takeover',
  'client_no_context_takeover',
  'server_max_window_bits',
  'client_max_window_bits',
] as const;

const bits = ['8', '9', '10', '11', '12', '13', '14', '15'];
const flags = [undefined, null];

function combinations(client: readonly (string | null | undefined)[]): Parameters[] {
  const all: Parameters[] = [];
  for (const server_no_context_takeover of flags)
    for (const client_no_context_takeover of flags)
      for (const server_max_window_bits of [undefined, ...bits])
        for (const client_max_window_bits of client)
          all.push({
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
          });
  return all;
}

/** Every well-formed offer, and every well-formed answer. */
const allOffers = combinations([undefined, null, ...bits]);
const allAnswers = combinations([undefined, ...bits]);

const allConfigs: DeflateParams[] = [];
for (const serverNoContextTakeover of [false, true])
  for (const clientNoContextTakeover of [false, true])
    for (let serverMaxWindowBits = 8; serverMaxWindowBits <= 15; serverMaxWindowBits++)
      for (let clientMaxWindowBits = 8; clientMaxWindowBits <= 15; clientMaxWindowBits++)
        allConfigs.push({
          serverNoContextTakeover,
          clientNoContextTakeover,
          serverMaxWindowBits,
          clientMaxWindowBits,
        });

/**
 * Returns an element with these parameters. The parameter with the index `first` comes first. The order has no meaning, so a test can use
 * every order.
 */
function element(parameters: Parameters, first = 0): ExtensionOffer {
  const order = [...names.slice(first), ...names.slice(0, first)];
  const list: [string, string | null][] = [];
  for (const name of order) {
    const value = parameters[name];
    if (value !== undefined) list.push([name, value]);
  }
  return { name: 'permessage-deflate', parameters: list };
}

function parametersOf({ name, parameters }: ExtensionOffer): Parameters {
  const read = Object.fromEntries(parameters);
  // An assertion of vitest would be too slow, because this function is called very often.
  if (name !== 'permessage-deflate' || Object.keys(read).length !== parameters.length)
    throw new Error(`not one element with distinct parameters: ${name} ${JSON.stringify(parameters)}`);
  return read;
}

/**
 * The ways in which an answer can contradict an offer. Each entry implements one sentence of RFC 7692 §7.1, and has the code of the
 * refusal.
 */
const rules: readonly {
  readonly code: DeflateRefusalCode;
  readonly parameter: (typeof names)[number];
  readonly broken: (offer: Parameters, answer: Parameters) => boolean;
}[] = [
  {
    // §7.1.1.1: a server accepts an offer with the parameter by including it in the answer.
    code: 'WS_DEFLATE_PARAMETER_MISSING',
    parameter: 'server_no_context_takeover',
    broken: (offer, answer) =>
      has(offer, 'server_no_context_takeover') && !has(answer, 'server_no_context_takeover'),
  },
  {
    // §7.1.2.1: a server accepts an offer with server_max_window_bits by including the parameter in the answer.
    code: 'WS_DEFLATE_PARAMETER_MISSING',
    parameter: 'server_max_window_bits',
    broken: (offer, answer) => has(offer, 'server_max_window_bits') && !has(answer, 'server_max_window_bits'),
  },
  {
    // §7.1.2.1: the value in the answer is not larger than the value in the offer.
    code: 'WS_DEFLATE_WINDOW_TOO_LARGE',
    parameter: 'server_max_window_bits',
    broken: (offer, answer) => Number(answer.server_max_window_bits) > Number(offer.server_max_window_bits),
  },
  {
    // §7.1.2.2: if the offer does not have the parameter, the answer does not have it.
    code: 'WS_DEFLATE_PARAMETER_NOT_OFFERED',
    parameter: 'client_max_window_bits',
    broken: (offer, answer) => has(answer, 'client_max_window_bits') && !has(offer, 'client_max_window_bits'),
  },
  {
    // §7.1.2.2: the value in the answer is not larger than the value in the offer.
    code: 'WS_DEFLATE_WINDOW_TOO_LARGE',
    parameter: 'client_max_window_bits',
    broken: (offer, answer) =>
      typeof offer.client_max_window_bits === 'string' &&
      Number(answer.client_max_window_bits) > Number(offer.client_max_window_bits),
  },
];

function has(parameters: Parameters, name: (typeof names)[number]): boolean {
  return parameters[name] !== undefined;
}

/**
 * Returns the parameters that an answer means without regard to the offer. If a parameter is absent, the context is kept (§7.1.1), or the
 * window has 32,768 bytes (§7.1.2).
 */
function meaning(answer: Parameters): DeflateParams {
  return {
    serverNoContextTakeover: has(answer, 'server_no_context_takeover'),
    clientNoContextTakeover: has(answer, 'client_no_context_takeover'),
    serverMaxWindowBits: Number(answer.server_max_window_bits ?? '15'),
    clientMaxWindowBits: Number(answer.client_max_window_bits ?? '15'),
  };
}

const same = (a: DeflateParams, b: DeflateParams): boolean =>
  a.serverNoContextTakeover === b.serverNoContextTakeover &&
  a.clientNoContextTakeover === b.clientNoContextTakeover &&
  a.serverMaxWindowBits === b.serverMaxWindowBits &&
  a.clientMaxWindowBits === b.clientMaxWindowBits;

/** Calls `check` for all pairs, and makes only one assertion, about the first few failures. 92,160 assertions would take minutes. */
function forAll<A, B>(
  as: readonly A[],
  bs: readonly B[],
  check: (a: A, b: B, turn: number) => string | null,
): number {
  const complaints: string[] = [];
  let turn = 0;
  for (const a of as)
    for (const b of bs) {
      const complaint = check(a, b, turn++);
      if (complaint !== null && complaints.length < 5)
        complaints.push(`${JSON.stringify(a)} ${JSON.stringify(b)}: ${complaint}`);
    }
  expect(complaints).toEqual([]);
  return turn;
}

function accepted(
  offers: readonly ExtensionOffer[],
  config: DeflateConfig = {},
): { answer: ExtensionOffer; params: DeflateParams } {
  const acceptance = acceptDeflate(offers, config);
  expect(acceptance).not.toBeNull();
  return acceptance!;
}

const text = (offers: readonly ExtensionOffer[]): string => formatExtensions(offers);
const answerTo = (field: string, config: DeflateConfig = {}): string | null => {
  const acceptance = acceptDeflate(parseExtensions([field]), config);
  return acceptance === null ? null : text([acceptance.answer]);
};
const confirmed = (field: string, config: DeflateConfig = {}): DeflateParams | null =>
  confirmDeflate(parseExtensions([field]), config);

const defaults: DeflateParams = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

describe('the offer of a client (offerDeflate)', () => {
  test.each<[string, DeflateConfig]>([
    ['permessage-deflate; client_max_window_bits', {}],
    ['permessage-deflate; client_max_window_bits', { serverMaxWindowBits: 15, clientMaxWindowBits: 15 }],
    ['permessage-deflate; client_max_window_bits=8', { clientMaxWindowBits: 8 }],
    ['permessage-deflate; server_max_window_bits=9; client_max_window_bits', { serverMaxWindowBits: 9 }],
    [
      'permessage-deflate; server_no_context_takeover; client_max_window_bits',
      { serverNoContextTakeover: true },
    ],
    [
      'permessage-deflate; client_no_context_takeover; client_max_window_bits',
      { clientNoContextTakeover: true },
    ],
    [
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=11',
      {
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 10,
        clientMaxWindowBits: 11,
      },
    ],
  ])('P1, P21: the client offers "%s"', (field, config) => {
    expect(text(offerDeflate(config))).toBe(field);
  });

  test('P1, P21: with any configuration the client makes one offer that a server may accept', () => {
    for (const config of allConfigs) {
      const offers = offerDeflate(config);
      expect(offers).toHaveLength(1);
      expect(parseExtensions([text(offers)])).toEqual(offers);
      expect(acceptDeflate(offers, {})).not.toBeNull();
    }
  });
});

describe('the answer of a server (acceptDeflate)', () => {
  test("P2, P6, P13, P14, P19, P22: for all configurations and offers, the server's answer breaks no rule, and the server uses the agreed parameters", () => {
    const count = forAll(allConfigs, allOffers, (config, offer, turn) => {
      const acceptance = acceptDeflate([element(offer, turn % 4)], config);
      if (acceptance === null) return 'declined';
      const answer = parametersOf(acceptance.answer);
      const fault = rules.find(({ broken }) => broken(offer, answer));
      if (fault !== undefined) return `${fault.code} ${fault.parameter}`;
      return same(acceptance.params, meaning(answer)) ? null : 'the answer means something else';
    });
    expect(count).toBe(256 * 360);
  });

  test('P2, P13, P14, P19: of all valid answers, the server chooses the one with the largest windows that its configuration allows', () => {
    forAll(allConfigs, allOffers, (config, offer) => {
      const { params } = acceptDeflate([element(offer)], config)!;
      // The parameters do not depend on each other (§7.1). Therefore the test searches each parameter separately.
      const best = (name: 'server_max_window_bits' | 'client_max_window_bits', limit: number): number => {
        let found = 0;
        for (const value of [undefined, ...bits]) {
          const answer = { ...offer, client_max_window_bits: undefined, [name]: value };
          const legal = !rules.some((rule) => rule.parameter === name && rule.broken(offer, answer));
          const size = Number(value ?? '15');
          if (legal && size <= limit) found = Math.max(found, size);
        }
        return found;
      };
      const expected = {
        // A flag is set if and only if one of the two sides wants it.
        serverNoContextTakeover: config.serverNoContextTakeover || offer.server_no_context_takeover === null,
        clientNoContextTakeover: config.clientNoContextTakeover || offer.client_no_context_takeover === null,
        serverMaxWindowBits: best('server_max_window_bits', config.serverMaxWindowBits),
        clientMaxWindowBits:
          offer.client_max_window_bits === undefined
            ? 15 // The client cannot be limited.
            : Math.min(
                best('client_max_window_bits', config.clientMaxWindowBits),
                Number(offer.client_max_window_bits ?? '15'), // The client has promised this limit.
              ),
      };
      return same(params, expected) ? null : `${JSON.stringify(params)}, not ${JSON.stringify(expected)}`;
    });
  });

  test.each<[string, string, DeflateConfig]>([
    ['', '', {}],
    ['; server_no_context_takeover', '; server_no_context_takeover', {}],
    ['', '; server_no_context_takeover', { serverNoContextTakeover: true }],
    ['; client_no_context_takeover', '; client_no_context_takeover', {}],
    ['', '; client_no_context_takeover', { clientNoContextTakeover: true }],
    ['', '; server_max_window_bits=9', { serverMaxWindowBits: 9 }],
    ['; server_max_window_bits=15', '; server_max_window_bits=15', {}],
    ['; server_max_window_bits=8', '; server_max_window_bits=8', {}],
    ['; server_max_window_bits=10', '; server_max_window_bits=9', { serverMaxWindowBits: 9 }],
    ['; server_max_window_bits=10', '; server_max_window_bits=10', { serverMaxWindowBits: 11 }],
    ['; client_max_window_bits', '', {}],
    ['; client_max_window_bits=15', '', {}],
    ['; client_max_window_bits', '; client_max_window_bits=9', { clientMaxWindowBits: 9 }],
    ['; client_max_window_bits=8', '; client_max_window_bits=8', {}],
    ['; client_max_window_bits=10', '; client_max_window_bits=9', { clientMaxWindowBits: 9 }],
    ['; client_max_window_bits=10', '; client_max_window_bits=10', { clientMaxWindowBits: 11 }],
    ['', '', { clientMaxWindowBits: 9 }],
    ['; server_max_window_bits="12"', '; server_max_window_bits=12', {}],
  ])(
    'P13, P14, P19, P22: the server answers the offer "%s" with "%s" if it is configured with %o',
    (offer, answer, config) => {
      expect(answerTo(`permessage-deflate${offer}`, config)).toBe(`permessage-deflate${answer}`);
    },
  );

  test('P22: a server never limits the window of a client that does not offer client_max_window_bits', () => {
    const { answer, params } = accepted([element({})], { clientMaxWindowBits: 8 });
    expect(answer.parameters).toEqual([]);
    expect(params.clientMaxWindowBits).toBe(15);
  });

  test('P1, P2: the server accepts the first acceptable offer, in the order of the client', () => {
    const one = 'permessage-deflate; server_max_window_bits=9';
    const two = 'permessage-deflate; server_no_context_takeover';
    expect(answerTo(`${one}, ${two}`)).toBe(one);
    expect(answerTo(`${two}, ${one}`)).toBe(two);
  });

  test('P3: the server does not answer with permessage-deflate if the client did not offer it', () => {
    expect(acceptDeflate([], {})).toBeNull();
    for (const name of [
      'permessage-bzip2',
      'x-webkit-deflate-frame',
      'permessage-deflate2',
      ...prototypeKeys,
    ])
      expect(acceptDeflate([{ name, parameters: [] }], {}), name).toBeNull();
  });

  test('P2: the server treats the name of the extension as case-sensitive', () => {
    expect(answerTo('Permessage-Deflate')).toBeNull();
    expect(answerTo('PERMESSAGE-DEFLATE, permessage-deflate')).toBe('permessage-deflate');
  });

  test('P4: if a client offers several extensions with RSV1 or offers permessage-deflate several times, the server accepts exactly one', () => {
    const fields = [
      'x-webkit-deflate-frame, permessage-deflate, permessage-deflate; server_max_window_bits=9',
    ];
    const upgrade = verifyRequest(request({ 'Sec-WebSocket-Extensions': fields }), { origins: 'any' });
    const { extensions } = acceptRequest(upgrade, {
      negotiate: (offers) => [accepted(offers).answer],
    });
    expect(text(extensions)).toBe('permessage-deflate');
  });
});

/**
 * Lists of parameters in which one parameter makes the whole element invalid. Each entry has the code that a client reports, and the name
 * of the invalid parameter.
 */
interface Malformed {
  readonly title: string;
  readonly parameters: ExtensionOffer['parameters'];
  readonly code: DeflateRefusalCode;
  readonly fault: string;
}

const wrongBits = [
  ...['08', '09', '010', '015', '0', '00', '1', '7', '16', '20', '80', '150', '256', '99999999999999999999'],
  ...[
    '-8',
    '+8',
    '8.0',
    '8.',
    '1e1',
    '0x8',
    '0b1000',
    '8n',
    '1_0',
    'NaN',
    'Infinity',
    'true',
    'null',
    '__proto__',
  ],
  // The parser of the header field never returns these values. The check of the parameters refuses them nevertheless.
  ...['', ' 9', '9 ', '9\n', '9\r\n', '9;', '"9"', '\u0669', '\uff19', '8,9'],
];

const malformed: readonly Malformed[] = [
  ...(['server_max_window_bits', 'client_max_window_bits'] as const).flatMap((name) =>
    wrongBits.map((value) => ({
      title: `${name}=${JSON.stringify(value).slice(1, -1)}`,
      parameters: [[name, value]] as const,
      code: 'WS_DEFLATE_WINDOW_VALUE' as const,
      fault: name,
    })),
  ),
  {
    title: 'server_max_window_bits without a value',
    parameters: [['server_max_window_bits', null]],
    code: 'WS_DEFLATE_WINDOW_VALUE',
    fault: 'server_max_window_bits',
  },
  ...(['server_no_context_takeover', 'client_no_context_takeover'] as const).flatMap((name) =>
    ['', '0', '1', '8', 'true', 'false', 'null'].map((value) => ({
      title: `${name}=${value}`,
      parameters: [[name, value]] as const,
      code: 'WS_DEFLATE_CONTEXT_VALUE' as const,
      fault: name,
    })),
  ),
  ...names.flatMap((name) => {
    const value = name.endsWith('bits') ? '10' : null;
    const other = name === 'server_max_window_bits' ? 'client_no_context_takeover' : 'server_max_window_bits';
    const between = other === 'server_max_window_bits' ? '9' : null;
    return [
      {
        title: `${name} twice`,
        parameters: [
          [name, value],
          [name, value],
        ] as const,
        code: 'WS_DEFLATE_PARAMETER_REPEATED' as const,
        fault: name,
      },
      {
        title: `${name} twice, with another parameter between`,
        parameters: [
          [name, value],
          [other, between],
          [name, value],
        ] as const,
        code: 'WS_DEFLATE_PARAMETER_REPEATED' as const,
        fault: name,
      },
    ];
  }),
  {
    title: 'server_max_window_bits twice with different values',
    parameters: [
      ['server_max_window_bits', '10'],
      ['server_max_window_bits', '9'],
    ],
    code: 'WS_DEFLATE_PARAMETER_REPEATED',
    fault: 'server_max_window_bits',
  },
  ...[
    'foo',
    ...prototypeKeys,
    'server_max_window_bit',
    'max_window_bits',
    'server_max_window_bits ',
    '',
    // Parameter names are case-sensitive.
    'Server_No_Context_Takeover',
    'CLIENT_NO_CONTEXT_TAKEOVER',
    'Server_max_window_bits',
  ].flatMap((name) =>
    [null, '10'].map((value) => ({
      title: `unknown ${JSON.stringify(name)}${value === null ? '' : `=${value}`}`,
      parameters: [[name, value]] as const,
      code: 'WS_DEFLATE_PARAMETER_UNKNOWN' as const,
      fault: name,
    })),
  ),
];

/** Yields these parameters in three ways: alone, after valid parameters, and before valid parameters. */
function* places({ parameters }: Malformed): Generator<ExtensionOffer> {
  const used = new Set(parameters.map(([name]) => name));
  const right: ExtensionOffer['parameters'] = [
    ['client_no_context_takeover', null] as const,
    ['server_max_window_bits', '12'] as const,
  ].filter(([name]) => !used.has(name));
  for (const list of [parameters, [...right, ...parameters], [...parameters, ...right]])
    yield { name: 'permessage-deflate', parameters: list };
}

describe('malformed parameters', () => {
  test.each(malformed)(
    'P11, P17, P18, P21: a server declines an offer with $title, and tries the next one',
    (one) => {
      const right = element({ server_max_window_bits: '11' });
      for (const bad of places(one)) {
        expect(acceptDeflate([bad], {})).toBeNull();
        expect(accepted([bad, bad, right]).answer).toEqual(right);
        expect(accepted([right, bad]).answer).toEqual(right);
      }
    },
  );

  test.each(malformed)(
    'P12, P17, P18, P22: a client fails the connection if the answer has $title',
    ({ code, fault, ...one }) => {
      for (const answer of places({ code, fault, ...one })) {
        const error = refusalOf(() => confirmDeflate([answer], {}));
        expect({ code: error.code, stage: error.stage }).toEqual({ code, stage: 'extensions' });
        expectNamed(error, fault);
      }
    },
  );

  test('P22: a client fails the connection if the answer has client_max_window_bits without a value', () => {
    const without = element({ client_max_window_bits: null });
    expect(acceptDeflate([without], {})).not.toBeNull();
    const error = refusalOf(() => confirmDeflate([without], {}));
    expect(error.code).toBe('WS_DEFLATE_WINDOW_VALUE');
    expectNamed(error, 'client_max_window_bits');
  });

  test.each([
    'permessage-deflate; foo',
    'permessage-deflate; server_max_window_bits=0',
    'permessage-deflate; server_no_context_takeover; server_no_context_takeover',
    'permessage-deflate; server_max_window_bits=08',
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; server_no_context_takeover=1',
    'permessage-deflate; client_max_window_bits',
  ])("P12: our client refuses the answer %s, although Node's own client accepts it", (field) => {
    const offers = offerDeflate({});
    const error = refusalOf(() =>
      verifyResponse(response({ 'Sec-WebSocket-Extensions': [field] }), {
        key: sampleKey,
        offers,
        confirm: (answers) => void confirmDeflate(answers, {}),
      }),
    );
    expect(Object.keys(deflateRefusals)).toContain(error.code);
    expect(error.stage).toBe('extensions');
    expectNamed(error, /; (\w+)/.exec(field)?.[1] ?? 'no parameter');
  });

  test('P3, P11: if all offers of a request are invalid, the server answers with 101 and no extension, and not with 400', () => {
    const fields = wrongBits
      .slice(0, 14)
      .map((value) => `permessage-deflate; server_max_window_bits=${value}`);
    fields.push('permessage-deflate; foo', 'permessage-deflate; server_no_context_takeover=1');
    const upgrade = verifyRequest(request({ 'Sec-WebSocket-Extensions': fields }), { origins: 'any' });
    expect(upgrade.offers).toHaveLength(16);
    const { head, extensions } = acceptRequest(upgrade, {
      negotiate: (offers) => {
        const acceptance = acceptDeflate(offers, {});
        return acceptance === null ? [] : [acceptance.answer];
      },
    });
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).not.toMatch(/Sec-WebSocket-Extensions/i);
    expect(extensions).toEqual([]);
  });

  test('P12: a long or unprintable parameter is shortened and escaped in the error message, but unchanged in `value`', () => {
    const name = `\u001b[31m"${'x'.repeat(5_000)}`;
    const error = refusalOf(() =>
      confirmDeflate([{ name: 'permessage-deflate', parameters: [[name, 'y']] }], {}),
    );
    expect(error.message).toContain('\\u001b[31m\\"xxx');
    expect(error.message).not.toContain('\u001b');
    expect(error.message.length).toBeLessThan(200);
    expect(error.value).toBe(`${name}=y`);
  });
});

/** Checks that the message names the parameter and cites the section. */
function expectNamed(error: HandshakeError, parameter: string): void {
  expect(error.message).toContain(`: "${parameter}`);
  expect(error.message).toMatch(/ \(7692 §[\d.]+\)$/);
  expect(error.value?.startsWith(parameter)).toBe(true);
}

describe('the check of the answer by a client (confirmDeflate)', () => {
  /**
   * Returns the outcome that the rules require. This is the list of possible codes of a refusal, or the agreed parameters. The client obeys
   * the parameters of its offer.
   */
  function expected(offer: Parameters, answer: Parameters): DeflateParams | string[] {
    const broken = rules.filter((rule) => rule.broken(offer, answer));
    if (broken.length > 0) return broken.map(({ code, parameter }) => `${code} ${parameter}`);
    const agreed = meaning(answer);
    const promised = offer.client_max_window_bits ?? '15';
    return {
      ...agreed,
      clientNoContextTakeover: agreed.clientNoContextTakeover || offer.client_no_context_takeover === null,
      clientMaxWindowBits: Math.min(agreed.clientMaxWindowBits, Number(promised)),
    };
  }

  function compare(confirm: () => DeflateParams | null, wanted: DeflateParams | string[]): string | null {
    let outcome: DeflateParams | null;
    try {
      outcome = confirm();
    } catch (error) {
      const { code, message, stage } = error as HandshakeError;
      if (!Array.isArray(wanted)) return `failed: ${message}`;
      const fits = wanted.some((one) => {
        const [known, parameter = ''] = one.split(' ');
        return code === known && message.includes(`"${parameter}`);
      });
      return fits && stage === 'extensions' ? null : `${message} instead of ${wanted.join(', ')}`;
    }
    if (Array.isArray(wanted)) return `passed in spite of ${wanted.join(', ')}`;
    return outcome !== null && same(outcome, wanted) ? null : `${JSON.stringify(outcome)} is agreed`;
  }

  test('P6, P12, P14, P16, P20, P22: for all configurations and answers, the client accepts or refuses the answer as the rules require', () => {
    // The test uses only four window sizes, because each error costs the time of a stack trace.
    const few = allConfigs.filter(({ serverMaxWindowBits, clientMaxWindowBits }) =>
      [serverMaxWindowBits, clientMaxWindowBits].every((size) => [8, 11, 14, 15].includes(size)),
    );
    const count = forAll(few, allAnswers, (config, answer, turn) => {
      const offer = parametersOf(offerDeflate(config)[0]!);
      return compare(() => confirmDeflate([element(answer, turn % 4)], config), expected(offer, answer));
    });
    expect(count).toBe(64 * 324);
  });

  test('P6, P12, P20, P22: for all offers and answers, the client accepts or refuses the answer as the rules require', () => {
    // The test first uses each parameter alone, and then all parameters together with few values.
    const single = (all: readonly Parameters[]) =>
      all.filter((one) => Object.values(one).filter((value) => value !== undefined).length <= 1);
    const coarse = (all: readonly Parameters[]) =>
      all.filter(({ server_max_window_bits: s, client_max_window_bits: c }) =>
        [s, c].every((value) => value === undefined || value === null || ['9', '12'].includes(value)),
      );
    const check = (offer: Parameters, answer: Parameters, turn: number): string | null =>
      compare(
        () => confirmDeflateAnswer(element(answer, turn % 4), element(offer, (turn >> 2) % 4)),
        expected(offer, answer),
      );
    expect(forAll(single(allOffers), single(allAnswers), check)).toBe(20 * 19);
    expect(forAll(coarse(allOffers), coarse(allAnswers), check)).toBe(48 * 36);
  });

  test('P3: if the answer of the server does not mention permessage-deflate, the connection is opened without compression', () => {
    expect(confirmDeflate([], {})).toBeNull();
    expect(
      confirmDeflate([{ name: 'x-other', parameters: [['server_max_window_bits', '0']] }], {}),
    ).toBeNull();
  });

  test('P5: a client fails the connection if the response has permessage-deflate twice', () => {
    const error = refusalOf(() => confirmed('permessage-deflate, permessage-deflate'));
    expect({ code: error.code, stage: error.stage }).toEqual({
      code: 'WS_DEFLATE_REPEATED',
      stage: 'extensions',
    });
    expect(error.message).toContain('"permessage-deflate"');
    expect(refusalOf(() => confirmed('permessage-deflate, x, permessage-deflate; foo')).code).toBe(
      'WS_DEFLATE_REPEATED',
    );
  });

  test.each([
    'permessage-bzip2',
    'x-webkit-deflate-frame',
    'Permessage-Deflate',
    'permessage-deflate, x-webkit-deflate-frame',
    'permessage-deflate, permessage-deflate',
  ])(
    'P5: a client fails the connection if the response is "%s", because this extension was not offered',
    (field) => {
      const error = refusalOf(() =>
        verifyResponse(response({ 'Sec-WebSocket-Extensions': [field] }), {
          key: sampleKey,
          offers: offerDeflate({}),
          confirm: (answers) => void confirmDeflate(answers, {}),
        }),
      );
      expect(error.stage).toBe('extensions');
      expect(error.code).toBe('WS_RESPONSE_EXTENSION_NOT_OFFERED');
    },
  );

  test('P5: a client that did not offer permessage-deflate fails the connection if the response has it', () => {
    const fields = { 'Sec-WebSocket-Extensions': ['permessage-deflate'] };
    const error = refusalOf(() => verifyResponse(response(fields), { key: sampleKey }));
    expect(error.code).toBe('WS_RESPONSE_EXTENSION_NOT_OFFERED');
  });

  test.each<[string, Partial<DeflateParams>, DeflateConfig]>([
    ['', {}, {}],
    ['; server_no_context_takeover', { serverNoContextTakeover: true }, {}],
    ['; client_no_context_takeover', { clientNoContextTakeover: true }, {}],
    ['; server_max_window_bits=8', { serverMaxWindowBits: 8 }, {}],
    ['; server_max_window_bits=10', { serverMaxWindowBits: 10 }, { serverMaxWindowBits: 12 }],
    ['; client_max_window_bits=8', { clientMaxWindowBits: 8 }, {}],
    ['; client_max_window_bits=10', { clientMaxWindowBits: 10 }, { clientMaxWindowBits: 12 }],
    // If the answer does not contain a parameter, the promise in the client's offer counts.
    ['', { clientMaxWindowBits: 12 }, { clientMaxWindowBits: 12 }],
    ['', { clientNoContextTakeover: true }, { clientNoContextTakeover: true }],
  ])(
    'P14, P15, P16, P20: from the answer "%s" follow the parameters %o for a client with the configuration %o',
    (answer, params, config) => {
      expect(confirmed(`permessage-deflate${answer}`, config)).toEqual({ ...defaults, ...params });
    },
  );

  test.each<[string, DeflateRefusalCode, string, DeflateConfig]>([
    [
      '; server_max_window_bits=12',
      'WS_DEFLATE_WINDOW_TOO_LARGE',
      'server_max_window_bits',
      { serverMaxWindowBits: 11 },
    ],
    ['', 'WS_DEFLATE_PARAMETER_MISSING', 'server_max_window_bits', { serverMaxWindowBits: 14 }],
    [
      '; client_max_window_bits=12',
      'WS_DEFLATE_WINDOW_TOO_LARGE',
      'client_max_window_bits',
      { clientMaxWindowBits: 11 },
    ],
    ['', 'WS_DEFLATE_PARAMETER_MISSING', 'server_no_context_takeover', { serverNoContextTakeover: true }],
  ])('P12, P20: the answer "%s" fails with %s, and the error names %s', (answer, code, parameter, config) => {
    const error = refusalOf(() => confirmed(`permessage-deflate${answer}`, config));
    expect(error.code).toBe(code);
    expectNamed(error, parameter);
  });

  test('P22: a client that did not offer client_max_window_bits fails the connection if the answer has it', () => {
    const error = refusalOf(() =>
      confirmDeflateAnswer(element({ client_max_window_bits: '15' }), element({})),
    );
    expect(error.code).toBe('WS_DEFLATE_PARAMETER_NOT_OFFERED');
    expectNamed(error, 'client_max_window_bits');
  });

  test('if the caller passes an offer that no server may accept, confirmDeflateAnswer throws a TypeError', () => {
    for (const one of malformed) {
      const offer = { name: 'permessage-deflate', parameters: one.parameters };
      expect(() => confirmDeflateAnswer(element({}), offer), one.title).toThrow(TypeError);
    }
  });

  test('each refusal in the table of refusal.ts occurs in these tests', () => {
    const met = new Set<string>(malformed.map(({ code }) => code));
    met.add(refusalOf(() => confirmed('permessage-deflate, permessage-deflate')).code);
    for (const { code } of rules) met.add(code);
    expect([...met].sort()).toEqual(Object.keys(deflateRefusals).sort());
  });
});

describe('the negotiation of a client and a server together', () => {
  const config = fc.record(
    {
      serverNoContextTakeover: fc.boolean(),
      clientNoContextTakeover: fc.boolean(),
      serverMaxWindowBits: fc.integer({ min: 8, max: 15 }),
      clientMaxWindowBits: fc.integer({ min: 8, max: 15 }),
    },
    { requiredKeys: [] },
  );

  test('P6: for all pairs of configurations, the client and the server get the same parameters, which obey the limits of both sides', () => {
    forAll(allConfigs, allConfigs, (client, server) => {
      const acceptance = acceptDeflate(offerDeflate(client), server);
      if (acceptance === null) return 'declined';
      const { answer, params } = acceptance;
      const held = confirmDeflate([answer], client);
      if (held === null || !same(held, params)) return `${JSON.stringify(held)}, ${JSON.stringify(params)}`;
      for (const { serverNoContextTakeover, clientNoContextTakeover, ...limits } of [client, server]) {
        if (serverNoContextTakeover && !params.serverNoContextTakeover) return 'the server keeps its context';
        if (clientNoContextTakeover && !params.clientNoContextTakeover) return 'the client keeps its context';
        if (params.serverMaxWindowBits > limits.serverMaxWindowBits) return 'the window of the server';
        if (params.clientMaxWindowBits > limits.clientMaxWindowBits) return 'the window of the client';
      }
      return null;
    });
  });

  test('P6: a client and a server get the same parameters from header fields, even among other extensions', () => {
    fc.assert(
      fc.property(config, config, fc.boolean(), (client, server, first) => {
        const other = { name: 'x-other', parameters: [] };
        const offers = first ? [other, ...offerDeflate(client)] : [...offerDeflate(client), other];
        const { answer, params } = accepted(parseExtensions([text(offers)]), server);
        expect(confirmDeflate(parseExtensions([text([answer])]), client)).toEqual(params);
      }),
    );
  });

  test('P11, P12: whatever the peer sends, acceptDeflate never throws, and confirmDeflate throws only a HandshakeError', () => {
    const name = fc.oneof(fc.constantFrom(...names, ...prototypeKeys), fc.string());
    const value = fc.oneof(fc.constantFrom(null, ...bits, ...wrongBits), fc.string());
    const parameters = fc.array(fc.tuple(name, value), { maxLength: 6 });
    const extension = fc.record({ name: fc.constantFrom('permessage-deflate', 'x-other'), parameters });
    fc.assert(
      fc.property(fc.array(extension, { maxLength: 4 }), config, (extensions, mine) => {
        const acceptance = acceptDeflate(extensions, mine);
        if (acceptance !== null) {
          const again = parametersOf(acceptance.answer);
          expect(meaning(again)).toEqual(acceptance.params);
        }
        let held: DeflateParams | null = null;
        try {
          held = confirmDeflate(extensions, mine);
        } catch (error) {
          expect((error as HandshakeError).name).toBe('HandshakeError');
          expect(Object.keys(deflateRefusals)).toContain((error as HandshakeError).code);
        }
        if (held !== null) expect(() => checkDeflateConfig(held)).not.toThrow();
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the check of the configuration (checkDeflateConfig)', () => {
  test('checkDeflateConfig accepts every configuration of the table, and an empty configuration', () => {
    for (const config of [{}, { serverMaxWindowBits: undefined } as unknown as DeflateConfig, ...allConfigs])
      expect(() => checkDeflateConfig(config)).not.toThrow();
  });

  const calls: readonly [string, (config: DeflateConfig) => unknown][] = [
    ['checkDeflateConfig', checkDeflateConfig],
    ['offerDeflate', offerDeflate],
    ['acceptDeflate', (config) => acceptDeflate([], config)],
    ['confirmDeflate', (config) => confirmDeflate([], config)],
  ];

  test.each(calls)('%s refuses window bits that are not an integer from 8 to 15', (_, call) => {
    for (const name of ['serverMaxWindowBits', 'clientMaxWindowBits']) {
      for (const value of [7, 16, 0, -8, 8.5, 15.000001, Number.NaN, Number.POSITIVE_INFINITY])
        expect(() => call({ [name]: value }), `${name}: ${value}`).toThrow(RangeError);
      for (const value of ['10', null, true, 10n, [10], {}, Symbol('10')])
        expect(() => call({ [name]: value } as DeflateConfig), `${name}: ${String(value)}`).toThrow(
          TypeError,
        );
      expect(() => call({ [name]: 16 })).toThrow(`${name} is 16, not an integer from 8 to 15`);
    }
  });

  test.each(calls)('%s refuses flags and configurations of another type', (_, call) => {
    for (const name of ['serverNoContextTakeover', 'clientNoContextTakeover']) {
      for (const value of ['true', 1, 0, null, {}])
        expect(() => call({ [name]: value } as DeflateConfig), `${name}: ${String(value)}`).toThrow(
          TypeError,
        );
    }
    for (const value of [null, undefined, true, 15, 'permessage-deflate', [], () => ({})])
      expect(() => call(value as unknown as DeflateConfig), String(value)).toThrow(TypeError);
  });
});
