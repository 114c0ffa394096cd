/**
 * Reads and writes the head of an HTTP/1.1 message: the start line and the header fields (RFC 9112 §2 to §5). Reading is strict, and has
 * limits. server.ts and client.ts check whether the head belongs to a WebSocket handshake. This file does not read HTTP bodies. Each byte
 * is processed once, even if the head arrives in many chunks.
 */
import type { RefusalCode } from './error.ts';
import { type HandshakeError, refuse } from './error.ts';
import { isLineByte, isLineText, isToken, isVisibleAscii, trimSpace } from './token.ts';

/** The head of a request. `headers` is a flat list, like `rawHeaders` of node:http: name, value, name, value … */
export interface HttpRequestHead {
  readonly kind: 'request';
  readonly method: string;
  readonly target: string;
  /** `'1.1'` */
  readonly httpVersion: string;
  readonly headers: readonly string[];
}

/** The head of a response. */
export interface HttpResponseHead {
  readonly kind: 'response';
  /** 100 to 999 */
  readonly status: number;
  readonly statusText: string;
  /** `'1.1'`. An old proxy may send `'1.0'`. */
  readonly httpVersion: string;
  readonly headers: readonly string[];
}

export type HttpHead = HttpRequestHead | HttpResponseHead;

/** The limits on the size of a head. A value that equals its limit is allowed. */
export interface HeadLimits {
  /** The maximum number of bytes of the whole head, including the empty line at its end. */
  readonly headSize: number;
  /** The maximum number of header lines. */
  readonly headers: number;
  /** The maximum number of bytes of the request target. */
  readonly target: number;
}

export const defaultHeadLimits: HeadLimits = { headSize: 16_384, headers: 100, target: 8_192 };

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;

const nothing: Buffer = Buffer.alloc(0);

/**
 * Reads one head from the chunks of a stream.
 * @typeParam Kind the kind of head to read: `'request'` on a server, `'response'` on a client
 */
export class HttpHeadParser<Kind extends HttpHead['kind'] = HttpHead['kind']> {
  readonly #kind: Kind;
  readonly #limits: HeadLimits;
  #size = 0;
  // The start of a line that has not fully arrived: the first #lineLength bytes of #line.
  #line: Buffer = nothing;
  #lineLength = 0;
  #afterCr = false;
  // Null until the start line is complete. Meanwhile, #spaces counts the spaces of the start line, and #targetSize counts the bytes between
  // the first two spaces.
  #start: StartLine | null = null;
  /** True if an empty line came before the request line. */
  #skipped = false;
  #spaces = 0;
  #targetSize = 0;
  readonly #headers: string[] = [];
  #failure: HandshakeError | null = null;
  #rest: Buffer | null = null;

  constructor(kind: Kind, limits: Partial<HeadLimits> = {}) {
    this.#kind = kind;
    this.#limits = { ...defaultHeadLimits, ...limits };
  }

  /**
   * Processes the next bytes of the stream.
   * @returns the head if its last byte has arrived, otherwise null. `rest()` returns the bytes after the head
   * @throws HandshakeError if the head breaks a rule or a limit. Each later call throws the same error. For a request, the status is 400,
   *   414, 431 or 505. For a response, the stage is 'http' and the status is 0
   */
  push(chunk: Buffer): Extract<HttpHead, { kind: Kind }> | null {
    if (this.#failure !== null) throw this.#failure;
    if (this.#rest !== null) throw new Error('The head is complete: what follows it is not for the parser');
    const before = this.#size;
    const { headSize } = this.#limits;
    let lineStart = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (before + at >= headSize) this.#fail('WS_HANDSHAKE_HEAD_SIZE');
      const byte = chunk[at]!;
      if (byte === LF) {
        // 9112 §2.2 allows a recipient to accept an LF without a CR as a line end. We refuse it: a proxy before us might not accept an LF
        // as a line end, and would read a different head.
        if (!this.#afterCr) this.#fail('WS_HANDSHAKE_LINE_ENDING');
        this.#afterCr = false;
        const line = this.#takeLine(chunk.subarray(lineStart, at + 1));
        lineStart = at + 1;
        if (this.#start === null) this.#takeStartLine(line);
        else if (line !== '') this.#parseHeaderLine(line);
        else return this.#complete(this.#start, chunk.subarray(lineStart));
      } else if (this.#afterCr) this.#fail('WS_HANDSHAKE_LINE_ENDING');
      else if (byte === CR) this.#afterCr = true;
      else if (!isLineByte(byte)) this.#fail('WS_HANDSHAKE_CONTROL_CHARACTER');
      else if (this.#start === null) this.#measureTarget(byte);
    }
    this.#size = before + chunk.length;
    this.#keep(chunk.subarray(lineStart));
    return null;
  }

  /**
   * Returns the bytes after the head in the last chunk. These bytes are the first frames (RFC 6455 §4.1). The result is a view of the
   * chunk, not a copy. The result is empty until the head is complete.
   */
  rest(): Buffer {
    return this.#rest ?? nothing;
  }

  #complete(start: StartLine, rest: Buffer): Extract<HttpHead, { kind: Kind }> {
    this.#rest = rest;
    this.#line = nothing;
    const head: HttpHead = { ...start, headers: this.#headers };
    return head as Extract<HttpHead, { kind: Kind }>;
  }

  // Counts the bytes of the target while they arrive. So a target that is too long is refused with 414 even if the line never ends.
  #measureTarget(byte: number): void {
    if (byte === SP) this.#spaces++;
    else if (this.#kind === 'request' && this.#spaces === 1 && ++this.#targetSize > this.#limits.target) {
      this.#fail('WS_HANDSHAKE_TARGET_SIZE');
    }
  }

  // Returns the complete line without its CR LF. `end` is the last part of the line, with CR LF.
  #takeLine(end: Buffer): string {
    if (this.#lineLength === 0) return end.toString('latin1', 0, end.length - 2);
    this.#keep(end);
    const line = this.#line.toString('latin1', 0, this.#lineLength - 2);
    this.#lineLength = 0;
    return line;
  }

  // Appends a copy of `part` to the unfinished line. If the buffer is full, its size doubles. Without copies, a line could keep thousands
  // of one-byte chunks in memory.
  #keep(part: Buffer): void {
    if (part.length === 0) return;
    const length = this.#lineLength + part.length;
    if (length > this.#line.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(256, 2 * this.#line.length, length));
      this.#line.copy(larger, 0, 0, this.#lineLength);
      this.#line = larger;
    }
    part.copy(this.#line, this.#lineLength);
    this.#lineLength = length;
  }

  #takeStartLine(line: string): void {
    if (this.#kind === 'response') this.#start = this.#parseStatusLine(line);
    // 9112 §2.2: a server SHOULD ignore at least one empty line before the request line. We ignore one.
    else if (line === '' && !this.#skipped) this.#skipped = true;
    else this.#start = this.#parseRequestLine(line);
  }

  // 9112 §3: request-line = method SP request-target SP HTTP-version. SP is exactly one space.
  #parseRequestLine(line: string): StartLine {
    const [method = '', target = '', version = '', ...more] = line.split(' ');
    if (!isToken(method) || !isVisibleAscii(target) || more.length > 0) this.#fail('WS_HANDSHAKE_START_LINE');
    return { kind: 'request', method, target, httpVersion: this.#parseVersion(version) };
  }

  // 9112 §4: status-line = HTTP-version SP status-code SP [ reason-phrase ]. Many servers omit the second space if there is no reason
  // phrase, so we accept that.
  #parseStatusLine(line: string): StartLine {
    const httpVersion = this.#parseVersion(line.slice(0, 8));
    const code = line.slice(9, 12);
    if (line[8] !== ' ' || !isDigits(code, 3) || code < '100') this.#fail('WS_HANDSHAKE_START_LINE');
    if (line.length > 12 && line[12] !== ' ') this.#fail('WS_HANDSHAKE_START_LINE');
    return { kind: 'response', status: Number(code), statusText: line.slice(13), httpVersion };
  }

  // 9112 §2.3: HTTP-version = "HTTP/" DIGIT "." DIGIT, in capitals. A major version other than 1 has a different syntax.
  // A proxy may answer CONNECT with HTTP/1.0. So the minor version is checked later, by server.ts or client.ts.
  #parseVersion(text: string): string {
    const version = text.slice(5);
    if (!text.startsWith('HTTP/') || version[1] !== '.' || !isDigits(version[0]! + version.slice(2), 2)) {
      this.#fail('WS_HANDSHAKE_START_LINE');
    }
    if (version[0] !== '1') this.#fail('WS_HANDSHAKE_HTTP_VERSION');
    return version;
  }

  #parseHeaderLine(line: string): void {
    // 9112 §5.2: a server MUST refuse obs-fold (a value that continues on the next line). A client may accept obs-fold. Our client refuses
    // it, because a proxy might read the value differently.
    if (line[0] === ' ' || line[0] === '\t') this.#fail('WS_HANDSHAKE_HEADER_FOLDED');
    const colon = line.indexOf(':');
    // 9112 §5.1: there is no white space between the name and the colon. A token contains no white space, and a token is never empty.
    if (colon < 0 || !isToken(line.slice(0, colon))) this.#fail('WS_HANDSHAKE_HEADER_LINE');
    if (this.#headers.length >= 2 * this.#limits.headers) this.#fail('WS_HANDSHAKE_HEADER_COUNT');
    this.#headers.push(line.slice(0, colon), trimSpace(line.slice(colon + 1)));
  }

  #fail(code: RefusalCode): never {
    this.#line = nothing;
    this.#failure = refuse(code, this.#kind === 'request' ? {} : { stage: 'http', status: 0 });
    throw this.#failure;
  }
}

/** Returns true if an HTTP version is 1.1, or a later version 1.x. A client and a server both require this (RFC 6455 §4.1, §4.2.1). */
export function isHttp11(version: string): boolean {
  return version.startsWith('1.') && isDigits(version.slice(2), 1) && version !== '1.0';
}

type StartLine = Omit<HttpRequestHead, 'headers'> | Omit<HttpResponseHead, 'headers'>;

function isDigits(text: string, length: number): boolean {
  if (text.length !== length) return false;
  for (let at = 0; at < length; at++) if (text[at]! < '0' || text[at]! > '9') return false;
  return true;
}

/**
 * Returns the text of a head, including the empty line at the end. Send the text as latin1.
 * @param headers name, value, name, value …
 * @throws TypeError if a name is not a token, or if the start line or a value contains a control character other than HTAB. Characters
 *   above U+00FF throw too: latin1 keeps only their low 8 bits, and these may be CR or LF
 */
export function formatHead(startLine: string, headers: readonly string[]): string {
  if (startLine === '' || !isLineText(startLine))
    throw new TypeError('The start line holds a forbidden character');
  return `${startLine}\r\n${formatFields(headers)}\r\n`;
}

/**
 * Returns the lines of header fields. Each line ends with CR LF.
 * @throws TypeError if a header field is invalid, like `formatHead`
 */
export function formatFields(headers: readonly string[]): string {
  if (headers.length % 2 !== 0) throw new TypeError('Header fields are a list of names and values in turn');
  let fields = '';
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!;
    const value = headers[at + 1]!;
    if (typeof name !== 'string' || !isToken(name)) throw new TypeError('A header field name is not a token');
    if (typeof value !== 'string' || !isLineText(value)) {
      throw new TypeError(`The value of the header field ${name} is not a string without control characters`);
    }
    fields += `${name}: ${value}\r\n`;
  }
  return fields;
}
