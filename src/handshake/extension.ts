/**
 * Parses and formats Sec-WebSocket-Extensions: RFC 6455 §9.1 (grammar), §4.3. This file treats all extensions alike. deflate/ reads and
 * writes the parameters of permessage-deflate.
 */
import { refuse } from './error.ts';
import { type FieldScanner, isToken, parseList } from './token.ts';

/** One element of the field: an offer of a client, or an answer of a server. */
export interface ExtensionOffer {
  readonly name: string;
  /** The parameters in order. The value of a parameter without "=" is null. Each extension decides whether a parameter may appear twice. */
  readonly parameters: readonly (readonly [name: string, value: string | null])[];
}

/** The limits for the field. A value that equals its limit is allowed. */
export const extensionLimits = {
  /** The maximum number of elements of the field. */
  offers: 16,
  /** The maximum number of parameters of one offer. */
  parameters: 16,
  /** The maximum number of characters of all lines of the field together. */
  fieldSize: 8_192,
} as const;

/**
 * Parses the field.
 * @param values the values of all lines of the field, in order: the field may be split over several lines (RFC 6455 §9.1)
 * @returns the elements of all lines; an empty list if the field is absent or empty
 * @throws HandshakeError 400 (stage 'extensions') if the field is malformed or has too many elements, 431 if it is too long
 */
export function parseExtensions(values: readonly string[]): ExtensionOffer[] {
  if (values.length === 0) return [];
  const value = values.join(',');
  if (value.length > extensionLimits.fieldSize) throw refuse('WS_HANDSHAKE_FIELD_SIZE');
  let count = 0;
  const extensions = parseList(value, (scanner) => {
    // We check the number before we read the element, so that an element above the limit costs no time.
    if (++count > extensionLimits.offers) throw refuse('WS_HANDSHAKE_EXTENSION_COUNT');
    return parseExtension(scanner);
  });
  if (extensions === null) throw refuse('WS_HANDSHAKE_EXTENSIONS', { value });
  // §9.1: extension-list = 1#extension asks senders for at least one element. We accept a field without elements: it offers no extension,
  // and other clients and servers accept it too. 9110 §5.6.1.2: a recipient MUST accept empty list elements.
  return extensions;
}

// §9.1: extension = extension-token *( ";" extension-param ), with optional white space between the parts.
function parseExtension(scanner: FieldScanner): ExtensionOffer | null {
  const name = scanner.token();
  if (name === null) return null;
  const parameters: [string, string | null][] = [];
  for (;;) {
    scanner.skipSpace();
    if (!scanner.skip(';')) return { name, parameters };
    if (parameters.length === extensionLimits.parameters) throw refuse('WS_HANDSHAKE_EXTENSION_COUNT');
    scanner.skipSpace();
    const parameter = parseParameter(scanner);
    if (parameter === null) return null;
    parameters.push(parameter);
  }
}

// §9.1: extension-param = token [ "=" ( token | quoted-string ) ]
function parseParameter(scanner: FieldScanner): [string, string | null] | null {
  const name = scanner.token();
  if (name === null) return null;
  scanner.skipSpace();
  if (!scanner.skip('=')) return [name, null];
  scanner.skipSpace();
  // §9.1: after unescaping, the value of a quoted-string MUST be a token.
  const value = scanner.token() ?? scanner.quotedString();
  return value !== null && isToken(value) ? [name, value] : null;
}

/**
 * Writes the field.
 * @throws TypeError if a name or a value is not a token
 */
export function formatExtensions(extensions: readonly ExtensionOffer[]): string {
  return extensions.map(formatExtension).join(', ');
}

function formatExtension({ name, parameters }: ExtensionOffer): string {
  let text = checkedToken(name);
  for (const [key, value] of parameters) {
    text += `; ${checkedToken(key)}${value === null ? '' : `=${checkedToken(value)}`}`;
  }
  return text;
}

function checkedToken(text: string): string {
  if (typeof text !== 'string' || !isToken(text)) {
    throw new TypeError('A name or value in an extension is not a token');
  }
  return text;
}

/**
 * Returns the first answer that has no offer with the same name. If an extension has more answers than offers, the first surplus answer is
 * returned. Returns null if every answer has an offer. §9.1: a server MUST NOT use an extension that the client did not ask for.
 */
export function findUnoffered(
  answers: readonly ExtensionOffer[],
  offers: readonly ExtensionOffer[],
): ExtensionOffer | null {
  const left = new Map<string, number>();
  for (const { name } of offers) left.set(name, (left.get(name) ?? 0) + 1);
  for (const answer of answers) {
    const count = left.get(answer.name) ?? 0;
    if (count === 0) return answer;
    left.set(answer.name, count - 1);
  }
  return null;
}
