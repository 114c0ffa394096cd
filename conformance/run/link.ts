/**
 * One connection between the judge (this test program) and the peer under test. A `Link` sends bytes and frames, turns received data into
 * events, and performs the closing handshake for the judge. play.ts uses a `Link` to play the steps of a case. The `Link` itself does not
 * know cases.
 */

import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { Event, Quirks, Role } from '../case/model.ts';
import type { CloseSeen } from '../case/observation.ts';
import { samePayload } from '../case/payload.ts';
import { Deflate, type DeflateParams } from '../wire/deflate.ts';
import {
  encodeFrame,
  encodeHeader,
  type Frame,
  type FrameHead,
  FrameReader,
  type FrameSpec,
  freshKey,
  mask,
} from '../wire/frame.ts';
import type { Clock } from './clock.ts';
import { Reception, Violation } from './reception.ts';
import { Timeline } from './timeline.ts';

/** The maximum number of frame headers of the peer that a `Link` keeps. */
const KEPT_HEADS = 10_000;

/**
 * A `Link` keeps at most this number of payloads of the judge's pongs. Without a limit, a connection that stays open would fill the memory.
 */
const KEPT_PONGS = 100;

/** A connection, from the opening of TCP to its end. */
export class Link {
  readonly socket: Duplex;
  /** The role of the judge on this connection. The peer has the other role. */
  readonly side: Role;
  readonly clock: Clock;
  quirks: Quirks;
  readonly timeline: Timeline = new Timeline();

  // The following members become the observation of case/observation.ts.
  deflate: Deflate | null = null;
  readonly events: Event[] = [];
  readonly heads: FrameHead[] = [];
  pings = 0;
  /**
   * The payloads of the judge's pings that have no answer yet, and of the judge's pongs. These payloads show whether a pong of the peer is
   * an answer or unsolicited.
   */
  private readonly sentPings: Buffer[] = [];
  private readonly sentPongs: Buffer[] = [];
  violation: string | null = null;
  firstClose: 'judge' | 'peer' | null = null;
  sentClose: CloseSeen | null = null;
  receivedClose: CloseSeen | null = null;
  bytesAfterClose = 0;
  endedBy: 'judge' | 'peer' | null = null;
  peerEnded = false;
  reset = false;
  dropped = false;
  /** True if TCP has ended in both directions. */
  gone = false;
  readonly expired: string[] = [];
  openedAt: number | null = null;
  goneAt: number | null = null;

  /** Is called after each event, before a pending `until` checks its condition. */
  onEvent: () => void = () => {};
  private reader: FrameReader | null = null;
  private before: Buffer = Buffer.alloc(0);
  private pending: Buffer[] = [];
  private readonly waiting = new Set<() => void>();
  private openFrame: { readonly key: Buffer | null; offset: number } | null = null;

  constructor(socket: Duplex, side: Role, clock: Clock, quirks: Quirks = {}) {
    this.socket = socket;
    this.side = side;
    this.clock = clock;
    this.quirks = quirks;
    this.timeline.add('judge', 'tcp', 'connected');
    if ('setNoDelay' in socket) (socket as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('end', () => this.peerEnd('ended TCP'));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.reset ||= error.code === 'ECONNRESET' || error.code === 'EPIPE';
      this.peerEnd(`TCP error: ${error.code ?? error.message}`);
    });
    socket.on('close', () => this.lost());
  }

  get peer(): Role {
    return this.side === 'client' ? 'server' : 'client';
  }

  // ---- waiting ----

  /** Waits until a condition is met. @returns false if the time ran out or the connection ended first */
  async until(met: () => boolean, milliseconds: number): Promise<boolean> {
    this.flush();
    if (met()) return true;
    return new Promise((resolve) => {
      const done = (result: boolean): void => {
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(result);
      };
      const look = (): void => {
        if (met()) done(true);
        else if (this.gone) done(false);
      };
      const timer = setTimeout(() => done(false), milliseconds);
      this.waiting.add(look);
      look();
    });
  }

  private changed(): void {
    for (const look of [...this.waiting]) look();
  }

  // ---- the opening handshake, as text ----

  /** The bytes that arrived before frames are read. */
  get unread(): Buffer {
    return this.before;
  }

  /** Waits for the whole head of a request or an answer. @returns the head with its empty line, or null if no head arrived */
  async readHead(milliseconds: number): Promise<string | null> {
    const end = (): number => this.before.indexOf('\r\n\r\n');
    await this.until(() => end() >= 0 || this.peerEnded, milliseconds);
    if (end() < 0) return null;
    const text = this.before.toString('latin1', 0, end() + 4);
    this.before = this.before.subarray(end() + 4);
    this.timeline.add('peer', 'http', text);
    return text;
  }

  /** Reads and sends frames from now on. */
  open(params: DeflateParams | null): void {
    this.deflate = params && new Deflate(params, this.side);
    this.openedAt = this.timeline.now();
    const reception = new Reception(this.peer, this.deflate);
    this.reader = new FrameReader(
      (head) =>
        this.guard(() => {
          if (this.heads.length < KEPT_HEADS) this.heads.push(head);
          reception.check(head);
        }),
      (frame) => this.guard(() => this.received(reception, frame)),
    );
    const early = this.before;
    this.before = Buffer.alloc(0);
    if (early.length > 0) this.reader.read(early);
  }

  // ---- sending ----

  /** Sends raw bytes. One write sends these bytes together with all other bytes that are sent before the next wait. */
  send(bytes: Buffer): void {
    this.pending.push(bytes);
  }

  /** Writes all bytes that wait, in one write. */
  flush(): void {
    if (this.pending.length === 0) return;
    const bytes = this.pending.length === 1 ? this.pending[0]! : Buffer.concat(this.pending);
    this.pending = [];
    if (this.gone || this.socket.writableEnded || this.socket.destroyed) return;
    this.timeline.bytes('judge', bytes);
    this.socket.write(bytes);
  }

  /** Sends bytes in pieces, with one write for each piece. Stops when the peer has closed. */
  async sendChopped(bytes: Buffer, size: number): Promise<void> {
    for (let at = 0; at < bytes.length && !this.isOver; at += size) {
      this.flush();
      this.send(bytes.subarray(at, at + size));
      this.flush();
      await turn();
    }
  }

  /** Returns the key with which the judge has to mask a frame (§5.3). Returns null if the judge is the server. */
  dueKey(): Buffer | null {
    return this.side === 'client' ? freshKey() : null;
  }

  /** Encodes a frame, and records it as sent. */
  encode(spec: FrameSpec, headerOnly = false): Buffer {
    this.timeline.frame('judge', { ...spec, length: spec.payload.length, lengthForm: spec.lengthForm ?? 7 });
    if (headerOnly) this.openFrame = { key: spec.key, offset: 0 };
    if (spec.opcode === 9) this.sentPings.push(spec.payload);
    if (spec.opcode === 10 && this.sentPongs.push(spec.payload) > KEPT_PONGS) this.sentPongs.shift();
    return headerOnly ? encodeHeader(spec) : encodeFrame(spec);
  }

  /** Returns the next payload bytes of a frame, masked with the key of this frame. The header of the frame was sent before. */
  continueFrame(bytes: Buffer): Buffer {
    if (this.openFrame === null) throw new Error('no frame was begun');
    const { key, offset } = this.openFrame;
    this.openFrame.offset += bytes.length;
    return key === null ? bytes : mask(bytes, key, offset);
  }

  /** Sends a whole, legal frame. */
  sendFrame(opcode: number, payload: Buffer): void {
    this.send(this.encode({ opcode, payload, fin: true, rsv: 0, key: this.dueKey() }));
  }

  /** Records that the judge sends a Close frame with this payload. */
  closing(payload: Buffer): void {
    this.firstClose ??= 'judge';
    this.sentClose ??= {
      code: payload.length < 2 ? null : payload.readUInt16BE(0),
      reason: payload.subarray(2),
    };
  }

  /** Sends a Close frame, unless the judge has already sent one. @param code null for an empty Close frame */
  close(code: number | null, reason = ''): void {
    if (this.sentClose !== null) return;
    const payload =
      code === null
        ? Buffer.alloc(0)
        : Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
    this.closing(payload);
    this.sendFrame(8, payload);
    this.flush();
    this.changed();
  }

  // ---- ending ----

  /** True if the peer has closed or broken a rule, or TCP has ended. After that, the judge sends nothing. */
  get isOver(): boolean {
    return this.receivedClose !== null || this.violation !== null || this.peerEnded || this.gone;
  }

  /** Ends the judge's side of TCP. */
  endTcp(): void {
    this.flush();
    if (this.gone || this.socket.writableEnded) return;
    this.endedBy ??= 'judge';
    this.timeline.add('judge', 'tcp', 'ended TCP');
    this.socket.end();
  }

  /** Drops TCP. @param why the fault of the peer, or null if the judge drops TCP without a fault of the peer */
  drop(why: string | null): void {
    if (this.gone) return;
    this.endedBy ??= 'judge';
    this.dropped ||= why !== null;
    this.timeline.add('judge', 'tcp', `dropped TCP${why === null ? '' : `: ${why}`}`);
    this.socket.destroy();
    this.lost();
  }

  /** Sends a reset if the socket supports it. */
  resetTcp(): void {
    this.endedBy ??= 'judge';
    this.timeline.add('judge', 'tcp', 'reset TCP');
    // After the judge has ended its side, the system refuses a reset. Node.js 20 would then wait for the socket forever at exit.
    if ('resetAndDestroy' in this.socket && !this.socket.writableEnded)
      (this.socket as unknown as { resetAndDestroy(): void }).resetAndDestroy();
    else this.socket.destroy();
  }

  /**
   * The reason why the close was not clean. null if both ends sent a Close frame, the server ended TCP first, and the peer broke no rule.
   */
  get uncleanReason(): string | null {
    if (this.violation !== null) return `the peer broke a rule: ${this.violation}`;
    if (this.sentClose === null) return 'the judge sent no Close frame';
    if (this.receivedClose === null) return 'the peer sent no Close frame';
    if (this.dropped) return 'the judge had to drop TCP';
    if (this.side === 'client' && this.endedBy !== 'peer') return 'the server did not end TCP';
    return null;
  }

  // ---- receiving ----

  private receive(chunk: Buffer): void {
    this.timeline.bytes('peer', chunk);
    if (this.reader === null) this.before = Buffer.concat([this.before, chunk]);
    else if (this.receivedClose !== null) this.bytesAfterClose += chunk.length;
    else this.reader.read(chunk);
    this.flush();
    this.changed();
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.violation = error.message;
      this.timeline.add('judge', 'note', `the peer broke a rule: ${error.message}`);
      this.reader?.stop();
      this.close(error.closeCode, error.message.slice(0, 100));
    }
  }

  private received(reception: Reception, frame: Frame): void {
    this.timeline.frame('peer', frame);
    const received = reception.take(frame);
    if (received === null) return;
    if (received.type === 'ping') {
      this.pings += 1;
      if (this.quirks.ignoresPings !== true && this.sentClose === null) this.sendFrame(10, received.payload);
    } else if (received.type === 'close') {
      this.peerCloses(received.close);
    } else if (received.type === 'pong' && this.isUnasked(received.payload)) {
      this.timeline.add('peer', 'event', 'an unsolicited pong, which is always allowed');
    } else {
      this.addEvent(received);
    }
  }

  /**
   * Returns true if a pong is unsolicited. §5.5.3 allows an unsolicited pong, so it causes no event. But if a pong has the same payload as
   * a pong of the judge, the peer has answered a pong. This causes an event, which no case expects. An empty pong counts as unsolicited.
   */
  private isUnasked(payload: Buffer): boolean {
    const index = this.sentPings.findIndex((sent) => sent.equals(payload));
    // Only the answered ping is removed, because the peer may answer earlier pings later, or never.
    if (index >= 0) this.sentPings.splice(index, 1);
    return index < 0 && !(payload.length > 0 && this.sentPongs.some((sent) => sent.equals(payload)));
  }

  addEvent(event: Event): void {
    this.events.push(event);
    const text = event.type === 'timeout' ? `still open at time-out ${event.tag}` : `${event.type} complete`;
    this.timeline.add(event.type === 'timeout' ? 'judge' : 'peer', 'event', text);
    this.onEvent();
  }

  private peerCloses(close: CloseSeen): void {
    this.receivedClose = close;
    this.firstClose ??= 'peer';
    this.reader?.stop();
    this.bytesAfterClose += this.reader?.unread ?? 0;
    if (this.quirks.ignoresClose === true) return;
    this.close(1000);
    // §7.1.1: the server ends TCP first.
    if (this.side === 'server' && this.quirks.keepsTcp !== true) this.endTcp();
  }

  private peerEnd(how: string): void {
    if (this.peerEnded || this.gone) return;
    this.peerEnded = true;
    this.endedBy ??= 'peer';
    this.timeline.add('peer', 'tcp', how);
    this.endTcp();
    this.changed();
  }

  private lost(): void {
    if (this.gone) return;
    this.gone = true;
    this.goneAt = this.timeline.now();
    this.endedBy ??= 'peer';
    this.timeline.add('peer', 'tcp', 'TCP is gone');
    this.changed();
  }
}

/** Returns true if two events are equal, including their content. */
export function sameEvent(a: Event, b: Event): boolean {
  if (a.type === 'timeout' || b.type === 'timeout')
    return a.type === b.type && 'tag' in a && 'tag' in b && a.tag === b.tag;
  if (a.type !== b.type || !samePayload(a.payload, b.payload)) return false;
  return a.type !== 'message' || (b.type === 'message' && a.kind === b.kind);
}
