/** A small echo endpoint, server or client. It uses the judge's wire codec and no code of src/. It is correct if its rules are correct. */

import type { Duplex } from 'node:stream';
import {
  answerOffer,
  Deflate,
  type DeflateParams,
  paramsOf,
  parseExtensionField,
} from '../../../conformance/wire/deflate.ts';
import { encodeFrame, type FrameHead, freshKey, mask } from '../../../conformance/wire/frame.ts';
import { acceptOf, freshHandshakeKey, parseHead, valuesOf } from '../../../conformance/wire/head.ts';
import { inflate } from '../../../conformance/wire/inflate.ts';
import { extensionList, type Part, type Rules } from './rules.ts';
import { Utf8Check } from './utf8.ts';

interface Message {
  readonly opcode: number;
  readonly compressed: boolean;
  readonly parts: Buffer[];
  size: number;
  utf8: Utf8Check;
  /** True if parts of the message were already echoed. */
  streamed: boolean;
}

/** The private windows of wire/deflate.ts have this type. Only a broken peer calls `remember` directly. */
interface Window {
  remember(plaintext: Buffer): void;
}

const MAX_HEAD = 16_384;
const oneKey = Buffer.from('c1e7a25b', 'hex');

/** One connection. */
export class BrokenPeer {
  private readonly socket: Duplex;
  private readonly role: 'server' | 'client';
  private readonly rules: Rules;
  private readonly key: string;
  private buffer: Buffer = Buffer.alloc(0);
  private state: 'opening' | 'open' | 'closed' = 'opening';
  private hasSentClose = false;
  private deflate: Deflate | null = null;
  private head: FrameHead | null = null;
  private taken = 0;
  private control: Buffer[] = [];
  private message: Message | null = null;
  private owedPongs: Buffer[] = [];
  private newestPing: Buffer | null = null;
  private params: DeflateParams | null = null;
  private keysUsed = 0;
  private readonly seed = freshKey().readUInt32BE(0);

  /**
   * @param socket a socket of a server with allowHalfOpen. After the peer has ended its own side of TCP, it still reads data. Otherwise a
   * TCP reset would destroy the socket.
   */
  constructor(socket: Duplex, role: 'server' | 'client', rules: Rules, target = '/') {
    this.socket = socket;
    this.role = role;
    this.rules = rules;
    const fresh = freshHandshakeKey();
    this.key = rules.handshakeKey?.(fresh) ?? fresh;
    socket.on('data', (chunk: Buffer) => this.read(chunk));
    socket.on('end', () => {
      if (!(role === 'server' && rules.ending === 'never')) socket.end();
    });
    socket.on('error', () => {});
    if (role === 'client') this.request(target);
  }

  // The opening handshake.

  private request(target: string): void {
    this.writeHead(`GET ${target} HTTP/1.1`, [
      'Host: 127.0.0.1',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${this.key}`,
      'Sec-WebSocket-Version: 13',
      ...(this.rules.compresses
        ? [
            `Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits${this.rules.takesOver ? '' : '; server_no_context_takeover'}`,
          ]
        : []),
    ]);
  }

  private writeHead(line: string, usual: readonly string[]): void {
    const { fields } = this.rules;
    const nameOf = (field: string): string => field.slice(0, field.indexOf(':')).toLowerCase();
    const changed = new Set(fields.map(nameOf));
    const lines = [
      line,
      ...usual.filter((field) => !changed.has(nameOf(field))),
      ...fields.filter((f) => !f.endsWith(':')),
    ];
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  private readHead(): boolean {
    // RFC 9112 §2.2: an empty line before a request is ignored.
    if (this.role === 'server' && this.buffer.toString('latin1', 0, 2) === '\r\n')
      this.buffer = this.buffer.subarray(2);
    const end = this.buffer.indexOf('\r\n\r\n');
    if (end < 0 || end > MAX_HEAD) {
      if (this.buffer.length > MAX_HEAD) this.refuse('431 Request Header Fields Too Large');
      return false;
    }
    const text = this.buffer.toString('latin1', 0, end + 4);
    this.buffer = this.rules.keepsEarlyBytes ? this.buffer.subarray(end + 4) : Buffer.alloc(0);
    return this.role === 'server' ? this.answer(text) : this.verify(text);
  }

  private answer(text: string): boolean {
    const request = parseHead(text);
    const refusal = this.rules.refusal(request, text);
    if (refusal !== null) {
      this.refuse(refusal);
      return false;
    }
    const key = valuesOf(request, 'Sec-WebSocket-Key')[0] ?? '';
    const offers = valuesOf(request, 'Sec-WebSocket-Extensions').join(', ');
    const wish = this.rules.takesOver ? {} : { clientNoContextTakeover: true };
    const agreed = this.rules.compresses ? answerOffer(offers, [wish]) : null;
    if (agreed !== null) this.begin(agreed.params);
    this.writeHead(this.rules.statusLine, [
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Accept: ${this.rules.accept(key)}`,
      ...(agreed === null ? [] : [`Sec-WebSocket-Extensions: ${agreed.text}`]),
    ]);
    return this.opened();
  }

  private refuse(status: string): void {
    this.state = 'closed';
    if (this.role === 'client') this.socket.end();
    else this.socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  }

  /** §4.1: returns whether the answer of the server is valid. */
  private verify(text: string): boolean {
    const { rules } = this;
    const answer = parseHead(text);
    const accepts = valuesOf(answer, 'Sec-WebSocket-Accept');
    const elements = valuesOf(answer, 'Sec-WebSocket-Extensions').flatMap(parseExtensionField);
    const field = valuesOf(answer, 'Sec-WebSocket-Extensions');
    const valued = elements[0]?.params.every(([name, value]) => value !== null || !name.endsWith('_bits'));
    const wellFormed = field.length === 0 || extensionList.test(field.join(','));
    const params = valued === true && wellFormed && elements.length === 1 ? paramsOf(elements[0]!) : null;
    const grammatical = text
      .slice(0, -4)
      .split('\r\n')
      .slice(1)
      .every((line) => /^[!#-'*+\-.0-9A-Z^-z|~]+:[^\r\n\0]*$/.test(line));
    const right =
      (!rules.checksStatus || /^HTTP\/1\.1 101(?: |$)/.test(answer.line)) &&
      grammatical &&
      valuesOf(answer, 'Upgrade').join().toLowerCase() === 'websocket' &&
      valuesOf(answer, 'Connection')
        .join()
        .toLowerCase()
        .split(',')
        .some((one) => one.trim() === 'upgrade') &&
      (!rules.checksAccept || (accepts.length === 1 && accepts[0] === acceptOf(this.key))) &&
      valuesOf(answer, 'Sec-WebSocket-Protocol').length === 0 &&
      (!rules.checksExtensions ||
        field.length === 0 ||
        (rules.compresses && params !== null && typeof params !== 'string'));
    if (!right) {
      this.state = 'closed';
      this.socket.end();
      return false;
    }
    if (params !== null && typeof params !== 'string') this.begin(params);
    return this.opened();
  }

  /** Begins compression, with empty windows. */
  private begin(params: DeflateParams): void {
    this.params = params;
    this.deflate = new Deflate(this.rules.params(params), this.role);
  }

  /** Adds an uncompressed message to a compression window. This is a fault: only compressed messages belong in the window. */
  private enterWindow(direction: 'incoming' | 'outgoing', plain: Buffer): void {
    if (this.deflate !== null)
      (this.deflate as unknown as Record<typeof direction, Window>)[direction].remember(plain);
  }

  private opened(): boolean {
    this.state = 'open';
    if (this.rules.greeting !== null) this.send(this.rules.greeting);
    this.heartbeat();
    return true;
  }

  private heartbeat(): void {
    if (!this.rules.heartbeats) return;
    for (const payload of ['', 'beat']) this.sendPong(Buffer.from(payload));
  }

  private sendPong(payload: Buffer): void {
    this.send({ opcode: 10, payload, fin: true, rsv: 0 });
  }

  private answerNewestPing(): void {
    if (this.newestPing !== null && !this.hasSentClose) this.sendPong(this.newestPing);
    this.newestPing = null;
  }

  // Frames that the peer receives.

  private read(chunk: Buffer): void {
    if (this.state === 'closed') return;
    this.buffer = this.buffer.length === 0 ? chunk : Buffer.concat([this.buffer, chunk]);
    if (this.state === 'opening' && !this.readHead()) return;
    while (this.isReading && this.next());
    this.answerNewestPing();
  }

  private get isReading(): boolean {
    return this.state === 'open';
  }

  private next(): boolean {
    if (this.head === null) {
      const size = this.readFrameHead();
      if (size === 0) return false;
      this.buffer = this.buffer.subarray(size);
      const code = this.faultOf(this.head!);
      if (code !== null) {
        this.fail(code);
        return false;
      }
      this.taken = 0;
    }
    const head: FrameHead = this.head!;
    const bytes = this.buffer.subarray(0, head.length - this.taken);
    if (bytes.length === 0 && this.taken < head.length) return false;
    this.buffer = this.buffer.subarray(bytes.length);
    const plain = head.key === null ? bytes : mask(bytes, this.rules.unmaskingKey(head.key), this.taken);
    this.taken += bytes.length;
    const ends = this.taken === head.length;
    if (ends) this.head = null;
    if (head.opcode >= 8) {
      this.control.push(plain);
      if (!ends) return true;
      const payload = Buffer.concat(this.control);
      this.control = [];
      this.takeControl(head.opcode, payload);
    } else if (head.opcode <= 2) {
      this.takeData(head, plain, ends);
    }
    return true;
  }

  /** @returns the size of the header, or 0 if it is incomplete */
  private readFrameHead(): number {
    const { buffer } = this;
    if (buffer.length < 2) return 0;
    const short = buffer[1]! & 127;
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
    const masked = buffer[1]! >= 128;
    const size = 2 + extended + (masked ? 4 : 0);
    if (buffer.length < size) return 0;
    const length =
      short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short;
    this.head = {
      opcode: buffer[0]! & 15,
      fin: buffer[0]! >= 128,
      rsv: (buffer[0]! >> 4) & 7,
      key: masked ? Buffer.from(buffer.subarray(size - 4, size)) : null,
      length,
      lengthForm: extended === 0 ? 7 : extended === 2 ? 16 : 64,
    };
    return size;
  }

  /** §5.2, §5.4, §5.5: returns the close code if the header breaks a rule, and otherwise null. */
  private faultOf({ opcode, fin, rsv, key, length, lengthForm }: FrameHead): number | null {
    const { rules, message } = this;
    const control = opcode >= 8;
    const begins = opcode === 1 || opcode === 2;
    const allowed = this.deflate !== null && rules.mayHaveRsv1(opcode) ? 4 : 0;
    if (rules.refusesRsv(opcode) && (rsv & ~allowed) !== 0) return 1002;
    if (rules.refusesReservedOpcodes && ((opcode > 2 && opcode < 8) || opcode > 10)) return 1002;
    if (rules.refusesFragmentedControl && control && !fin) return 1002;
    if (rules.refusesLongControl && control && length > 125) return 1002;
    const shortest = length < 126 ? 7 : length < 65_536 ? 16 : 64;
    if (rules.refusesLongForms && lengthForm !== shortest) return 1002;
    if (length > 2 ** 53) return 1002;
    if (rules.refusesWrongMask && (key === null) !== (this.role === 'client')) return 1002;
    if (rules.refusesStrayContinuation && opcode === 0 && message === null) return 1002;
    if (rules.refusesNestedMessage && begins && message !== null) return 1002;
    if (!control && (message?.size ?? 0) + length > rules.maxMessageSize) return 1009;
    return null;
  }

  private takeData(head: FrameHead, part: Buffer, ends: boolean): void {
    const { rules } = this;
    if (this.message === null || head.opcode !== 0) {
      if (this.taken === part.length || this.message === null)
        this.message = {
          opcode: head.opcode === 0 ? 1 : head.opcode,
          compressed: (head.rsv & 4) !== 0 && this.deflate !== null,
          parts: this.message !== null && !rules.refusesNestedMessage ? this.message.parts : [],
          size: 0,
          utf8: new Utf8Check(rules.sequence),
          streamed: false,
        };
    }
    const message = this.message;
    message.parts.push(part);
    message.size += part.length;
    if (message.opcode === 1 && !message.compressed && !this.checkText(message, part, ends)) {
      this.fail(1007);
      return;
    }
    const isLast = ends && head.fin;
    if (rules.streams && !message.compressed && !isLast && message.size > 0) {
      this.stream(message, partsOf(message), false);
      return;
    }
    if (!ends) return;
    if (rules.echoesFragments && !message.compressed) {
      const { opcode } = message;
      this.send({ opcode, payload: Buffer.concat(message.parts.splice(0)), fin: true, rsv: 0 });
      if (head.fin) this.message = null;
    } else if (head.fin) this.complete(message);
  }

  private stream(message: Message, payload: Buffer, fin: boolean): void {
    this.send({ opcode: message.streamed ? 0 : message.opcode, payload, fin, rsv: 0 });
    message.streamed = true;
  }

  private pendingText: Buffer[] = [];

  private checkText(message: Message, bytes: Buffer, ends: boolean): boolean {
    const { utf8 } = this.rules;
    if (utf8 === 'at once') return message.utf8.write(bytes);
    if (utf8 === 'never' || utf8 === 'after the message') return true;
    this.pendingText.push(bytes);
    if (!ends) return true;
    const frame = Buffer.concat(this.pendingText);
    this.pendingText = [];
    if (utf8 === 'after each frame') return message.utf8.write(frame);
    const alone = new Utf8Check(this.rules.sequence);
    return alone.write(frame) && alone.isComplete;
  }

  private complete(message: Message): void {
    const { rules } = this;
    this.message = null;
    const whole = Buffer.concat(message.parts);
    let plain: Buffer = whole;
    if (message.compressed) {
      try {
        const data = rules.inflatable(whole);
        plain = this.deflate!.decompress(data);
        if (rules.windowEndsWith === 'a final block' && hasFinalBlock(data)) this.begin(this.params!);
      } catch {
        this.fail(1007);
        return;
      }
    }
    if (message.opcode === 1 && rules.utf8 !== 'never' && rules.utf8 !== 'each frame alone') {
      const late = message.compressed || rules.utf8 === 'after the message';
      const checked = !message.compressed || rules.checksCompressedText;
      if (checked && ((late && !message.utf8.write(plain)) || !message.utf8.isComplete)) {
        this.fail(1007);
        return;
      }
    }
    if (plain.length > rules.maxMessageSize) {
      this.fail(1009);
      return;
    }
    if (!message.compressed && rules.plainEntersWindow === 'of what comes')
      this.enterWindow('incoming', plain);
    if (rules.streams && !message.compressed) this.stream(message, plain, true);
    else this.echoInTime(rules.echoKind(message.opcode), rules.echo(plain), message.compressed);
    for (const payload of this.owedPongs.splice(0)) this.sendPong(payload);
  }

  private echoInTime(opcode: number, plain: Buffer, compressed: boolean): void {
    const milliseconds = this.rules.delay(plain.length, compressed);
    if (milliseconds === 0) this.echo(opcode, plain);
    // A delayed echo is not sent if the peer has sent a Close frame.
    else setTimeout(() => !this.hasSentClose && this.echo(opcode, plain), milliseconds);
  }

  private echo(opcode: number, plain: Buffer): void {
    const { rules } = this;
    const deflate = plain.length < rules.compressesFrom ? null : this.deflate;
    const payload = deflate === null ? plain : rules.deflated(deflate.compress(plain));
    if (deflate === null && rules.plainEntersWindow === 'of what leaves') this.enterWindow('outgoing', plain);
    this.answerNewestPing();
    for (const part of rules.frames({ opcode, payload, rsv: deflate === null ? 0 : 4 })) this.send(part);
    this.heartbeat();
  }

  private takeControl(opcode: number, payload: Buffer): void {
    const { rules } = this;
    if (opcode === 9) {
      if (rules.windowEndsWith === 'a ping' && this.params !== null) this.begin(this.params);
      if (rules.answersNewestPing) {
        this.newestPing = payload;
        return;
      }
      const answer = rules.pong(payload);
      if (answer === null || this.hasSentClose) return;
      if (this.message === null || rules.pongsWithin === 'at once') this.sendPong(answer);
      else if (rules.pongsWithin === 'after the message') this.owedPongs.push(answer);
    } else if (opcode === 10) {
      if (rules.pongsOnPong) this.sendPong(payload);
    } else if (opcode === 8) {
      this.takeClose(payload);
    }
  }

  // Closing.

  private takeClose(payload: Buffer): void {
    const { rules } = this;
    const text = new Utf8Check(rules.sequence);
    const isShort = payload.length === 1 && rules.checksCloseLength;
    if (isShort || (payload.length > 1 && !rules.checksCloseCode(payload.readUInt16BE(0)))) {
      this.fail(1002);
      return;
    }
    if (rules.checksCloseReason && !(text.write(payload.subarray(2)) && text.isComplete)) {
      this.fail(1007);
      return;
    }
    const answer = rules.closeAnswer(payload);
    if (!rules.listensBehindClose) this.state = 'closed';
    if (answer !== null) this.sendClose(answer);
    if (rules.ending === 'reset' && 'resetAndDestroy' in this.socket)
      (this.socket as unknown as { resetAndDestroy(): void }).resetAndDestroy();
    else this.end();
  }

  private sendClose(payload: Buffer): void {
    this.send({ opcode: 8, payload, fin: true, rsv: 0 });
    this.hasSentClose = true;
    for (const part of this.rules.behindClose) this.send(part);
  }

  /** §7.1.7: fails the connection. */
  private fail(code: number): void {
    const sent = this.rules.failCode(code);
    this.state = 'closed';
    if (this.rules.failsWithReset) {
      (this.socket as unknown as { resetAndDestroy(): void }).resetAndDestroy();
      return;
    }
    if (sent !== null) this.sendClose(sent === 0 ? Buffer.alloc(0) : Buffer.from([sent >> 8, sent & 255]));
    this.end();
  }

  // §7.1.1: the server ends TCP first.
  private end(): void {
    const { ending, listensBehindClose } = this.rules;
    if (ending === 'never') return;
    if (this.role === 'client' && this.hasSentClose) return;
    // The delay lets data arrive that follows a Close frame.
    if (listensBehindClose) setTimeout(() => this.socket.end(), 50);
    else this.socket.end();
  }

  private send(part: Part): void {
    if (this.socket.writableEnded || this.socket.destroyed) return;
    const { masks, maskingKey } = this.rules;
    const due = masks === 'always' || (masks !== 'never' && this.role === 'client');
    const key = due
      ? masks === 'with zeros'
        ? Buffer.alloc(4)
        : masks === 'with one key'
          ? oneKey
          : (maskingKey?.(this.keysUsed++, this.seed) ?? freshKey())
      : null;
    this.socket.write(encodeFrame({ ...this.rules.frame(part), key }));
  }
}

/** Returns the part of a message that was not echoed yet. */
function partsOf(message: Message): Buffer {
  const parts = Buffer.concat(message.parts);
  message.parts.length = 0;
  return parts;
}

/** Returns true if a compressed message has a final block. The receiver appends the bytes 00 00 ff ff to each message. */
function hasFinalBlock(data: Buffer): boolean {
  try {
    return inflate(Buffer.concat([data, Buffer.from('0000ffff', 'hex')]), {
      dictionary: Buffer.alloc(32_768),
    }).final;
  } catch {
    return false;
  }
}
