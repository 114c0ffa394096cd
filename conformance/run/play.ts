/**
 * Plays the steps of a case on one connection, one after the other, and then ends the connection.
 */

import { setImmediate as turn } from 'node:timers/promises';
import type { AwaitStep, Case, FrameStep, LoopStep, MessageStep, Step } from '../case/model.ts';
import { bytesOf, type Payload, samePayload } from '../case/payload.ts';
import type { Link } from './link.ts';
import { completionOf } from './pongs.ts';

/**
 * The judge adds this entry to `expired` if it stopped waiting because the events were already wrong. More time would not change the
 * result.
 */
export const MOMENT = 'moment';

/** The result of a loop of echoes. */
export interface LoopOutcome {
  done: boolean;
  fault: string | null;
}

/** Plays one case on an open connection. */
export class Player {
  readonly link: Link;
  readonly loop: LoopOutcome = { done: true, fault: null };
  private readonly case: Case;
  private readonly full: boolean;
  private next = 0;
  private limited = false;
  /** True if a limit has run out. Later waits are then shorter. */
  private late = false;

  /** @param full true if a loop sends all its messages; false for the few messages of the quick profile */
  constructor(link: Link, one: Case, full: boolean) {
    this.link = link;
    this.case = one;
    this.full = full;
    link.onEvent = () => this.closeWhenMet();
  }

  /** Sends the frames at the beginning of the steps, without a wait between them. */
  async playEarly(): Promise<void> {
    const { steps } = this.case;
    while (['frame', 'message', 'close', 'bytes'].includes(steps[this.next]?.do ?? ''))
      await this.step(steps[this.next++]!);
  }

  /** Plays no steps, but closes with 1000 and waits for the end. */
  async playNone(): Promise<void> {
    this.link.close(1000);
    await this.finish();
  }

  /** Plays all steps, and waits for the end. */
  async play(): Promise<void> {
    const { link } = this;
    while (this.next < this.case.steps.length && !link.isOver) await this.step(this.case.steps[this.next++]!);
    if (!this.limited) await this.limit('connection', 10, () => link.close(1001, 'Going Away'));
    await this.finish();
  }

  // Closes the connection (§7.1.2) as soon as all expected events have happened, if the case says so.
  private closeWhenMet(): void {
    const { events, echo, closeWhenMet } = this.case.expect;
    const met =
      events === undefined
        ? echo !== undefined && this.link.events.length > 0
        : completionOf(this.case.steps, events.OK).complete(this.link.events) !== null;
    if (closeWhenMet === true && met) this.link.close(1000);
  }

  private async step(step: Step): Promise<void> {
    const { link } = this;
    switch (step.do) {
      case 'frame':
        return this.write(this.frameBytes(step), step);
      case 'message':
        return this.write(Buffer.concat(this.fragments(step)), step);
      case 'close': {
        const payload = bytesOf(step.payload);
        const bytes = link.encode({ opcode: 8, payload, fin: true, rsv: 0, key: link.dueKey() });
        link.closing(payload);
        return this.write(bytes, step);
      }
      case 'bytes': {
        const bytes = bytesOf(step.bytes);
        return this.write(step.ofFrame === true ? link.continueFrame(bytes) : bytes, step);
      }
      case 'pause': {
        const milliseconds = step.due === true ? link.clock.due(step.seconds) : step.seconds * 1000;
        link.timeline.add('judge', 'timer', `waits ${step.seconds} s`);
        const over = await link.until(() => link.isOver, milliseconds);
        if (!over && !link.isOver && step.tag !== undefined) {
          if (step.due === true) link.expired.push(`pause ${step.tag}`);
          link.addEvent({ type: 'timeout', tag: step.tag });
        }
        return;
      }
      case 'await':
        return this.awaitPeer(step);
      case 'loop':
        return this.runLoop(step);
      case 'limit':
        this.limited = true;
        return this.limit('limit', step.seconds, () =>
          step.otherwise === 'fail' ? link.close(1001, 'Going Away') : link.close(null),
        );
      default:
        link.flush();
        await turn();
        if (step.do === 'half-close') link.endTcp();
        else if (step.do === 'reset') link.resetTcp();
        else if (step.do === 'stop reading') link.socket.pause();
        else link.socket.resume();
    }
  }

  private async write(
    bytes: Buffer,
    { chop, ownWrite }: { chop?: number; ownWrite?: boolean },
  ): Promise<void> {
    const { link } = this;
    if (chop !== undefined) return link.sendChopped(bytes, chop);
    if (ownWrite === true) link.flush();
    link.send(bytes);
    if (ownWrite === true) {
      link.flush();
      await turn();
    }
  }

  private frameBytes(step: FrameStep): Buffer {
    const { link } = this;
    const { opcode, fin = true, mask = 'as due', compress = false, lengthForm, declaredLength } = step;
    const plain = bytesOf(step.payload);
    const payload = compress && link.deflate !== null ? link.deflate.compress(plain) : plain;
    const due = link.dueKey();
    const key =
      mask === 'as due'
        ? due
        : mask === 'wrong way'
          ? due === null
            ? Buffer.from('5a17c3e8', 'hex')
            : null
          : Buffer.from(mask.key, 'hex');
    const rsv = step.rsv ?? (compress ? 4 : 0);
    const spec = {
      opcode,
      payload,
      fin,
      rsv,
      key,
      ...(lengthForm !== undefined && { lengthForm }),
      ...(declaredLength !== undefined && { declaredLength }),
    };
    return link.encode(spec, step.headerOnly);
  }

  /** Returns the frames of a message. If its length is a multiple of the fragment size, the last frame is empty. */
  private fragments({ kind, payload, fragmentSize, compress }: Omit<MessageStep, 'do'>): Buffer[] {
    const { link } = this;
    const plain = bytesOf(payload);
    const bytes = compress === true && link.deflate !== null ? link.deflate.compress(plain) : plain;
    const frames: Buffer[] = [];
    let at = 0;
    for (let fin = false; !fin; at += fragmentSize) {
      const size = Math.min(fragmentSize, bytes.length - at);
      // A message that fits exactly into one fragment is one frame, without an empty frame after it.
      fin = size < fragmentSize || (at === 0 && bytes.length === fragmentSize);
      const rsv = compress === true && at === 0 ? 4 : 0;
      const opcode = at > 0 ? 0 : kind === 'text' ? 1 : 2;
      frames.push(
        link.encode({ opcode, payload: bytes.subarray(at, at + size), fin, rsv, key: link.dueKey() }),
      );
    }
    return frames;
  }

  private async awaitPeer({ what, count = 1, seconds, tag }: AwaitStep): Promise<void> {
    const { link } = this;
    const seen = (): number => {
      if (what === 'close') return link.receivedClose === null ? 0 : 1;
      if (what === 'end') return link.peerEnded || link.gone ? 1 : 0;
      if (what === 'ping') return link.pings;
      return link.events.filter(({ type }) => type === what).length;
    };
    const came = await link.until(() => seen() >= count, link.clock.limit(seconds));
    if (came || link.isOver) return;
    link.expired.push(tag);
    link.addEvent({ type: 'timeout', tag });
  }

  private async runLoop(step: LoopStep): Promise<void> {
    const { link, loop } = this;
    this.limited = true;
    loop.done = false;
    const deadline = performance.now() + link.clock.limit(step.seconds);
    const messages = this.full ? step.messages.full : step.messages.quick;
    for (let index = 0; index < messages && loop.fault === null; index++) {
      const payload = step.source(index);
      const size = step.fragmentSize ?? Number.POSITIVE_INFINITY;
      const frames = this.fragments({
        kind: step.kind,
        payload,
        fragmentSize: size,
        compress: step.compress,
      });
      for (const bytes of frames) link.send(bytes);
      const came = await link.until(
        () => link.events.length > index || link.isOver,
        deadline - performance.now(),
      );
      loop.fault = this.faultOfEcho(step, index, payload, came);
      // Only the last echo is compared again later. The first echo replaces the other echoes. So a thousand messages of 128 KiB do not stay
      // in memory.
      if (index > 0 && loop.fault === null) link.events[index - 1] = link.events[0]!;
    }
    loop.done = loop.fault === null;
    if (!link.isOver) link.close(1000);
  }

  private faultOfEcho(step: LoopStep, index: number, payload: Payload, came: boolean): string | null {
    const event = this.link.events[index];
    const which = `echo ${index + 1}`;
    if (event === undefined) {
      if (!came && !this.link.isOver) this.link.expired.push('loop');
      return `${which} did not come`;
    }
    if (event.type !== 'message') return `a ${event.type} in place of ${which}`;
    if (event.kind !== step.kind) return `${which} is a ${event.kind} message`;
    if (event.payload.length !== payload.length)
      return `${which} has ${event.payload.length} bytes, not ${payload.length}`;
    if (step.compare === 'content' && !samePayload(event.payload, payload))
      return `${which} holds something else`;
    return null;
  }

  /** Waits for the given seconds, or until one end has closed. If neither end has closed by then, calls `otherwise`. */
  private async limit(name: string, seconds: number, otherwise: () => void): Promise<void> {
    const { link } = this;
    const over = (): boolean => link.isOver || link.sentClose !== null;
    const met = (): boolean => over() || !this.isHopeful();
    const decided = (await link.until(met, link.clock.limit(seconds))) && !over();
    // The peer may send its Close frame after the wrong event, so the judge waits a moment.
    if (decided) await link.until(over, link.clock.moment);
    if (over()) return;
    link.expired.push(decided ? MOMENT : name);
    this.late = true;
    const why = decided
      ? 'the events cannot become the expected ones'
      : `time is up after ${seconds} s (times ${link.clock.factor})`;
    link.timeline.add('judge', 'timer', why);
    otherwise();
  }

  /** Returns true if the events so far can still become the expected events. */
  private isHopeful(): boolean {
    const { events } = this.case.expect;
    if (events === undefined) return true;
    const lists = [events.OK, events['NON-STRICT'] ?? events.OK];
    return lists.some((list) => completionOf(this.case.steps, list).begun(this.link.events));
  }

  /**
   * Waits for the closing handshake and for the end of TCP, each with its own limit. Then drops the connection if it still exists.
   */
  private async finish(): Promise<void> {
    const { link } = this;
    const { quirks } = link;
    // The peer had to close first, but the judge has closed. So the verdict is certain, and the judge waits only a moment.
    const lost = this.late && this.case.expect.close.by === 'peer';
    const closing = lost ? link.clock.moment : this.late ? link.clock.hurried : link.clock.closing;
    const answered = (): boolean => link.receivedClose !== null || link.peerEnded || link.violation !== null;
    if (!(await link.until(answered, closing)) && !link.gone) {
      link.expired.push('closing handshake');
      return link.drop('the peer answered the Close frame with nothing');
    }
    if (link.side === 'server' && quirks.keepsTcp !== true) link.endTcp();
    if (await link.until(() => link.gone, closing)) return;
    if (link.gone) return;
    // If the peer is a server, it has to end TCP. If the peer is a client, the judge has ended TCP, and the client does not have to end TCP
    // too.
    const owed = link.side === 'client' || quirks.keepsTcp === true;
    if (owed) link.expired.push("TCP's end");
    link.drop(owed ? 'the peer did not end it' : null);
  }
}
