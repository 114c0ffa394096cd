/**
 * Exchanges the members of topics with the other processes. Each process keeps a list of its own members of a topic. While another process
 * watches the topic, the list has versions, and its changes are announced. Three times per lease, each process sends a beat. The beat says
 * that the process is alive, which topics it watches, and which versions its lists have. A watcher that has an older version of a list
 * requests a snapshot (the whole list). So if a message is lost, the lists are correct again after the next beat. If no message of a
 * process comes for the time of its lease, the other processes remove its members.
 */

import { clock } from '../../transport/clock.ts';
import type { Connection } from '../connection.ts';
import type { BusLink } from './bus-link.ts';
import type { Presence, PresenceHandlers } from './presence.ts';
import { Alarm } from './presence-alarm.ts';
import { PresenceAnnouncer } from './presence-announcer.ts';
import { PresenceAnswers } from './presence-answers.ts';
import { farewell, PresenceBeats } from './presence-beats.ts';
import type { PresenceHost } from './presence-host.ts';
import {
  type Beat,
  CONTROL,
  limitInfos,
  type PresenceMessage,
  parsePresence,
  presenceTopic,
  randomProcess,
  watchedTopic,
} from './presence-messages.ts';
import type { PresenceValues } from './presence-options.ts';
import { PresenceProcesses } from './presence-processes.ts';
import { Observer, PresenceView } from './presence-view.ts';
import { TopicError } from './topic-error.ts';

// A change waits for this number of milliseconds, so that several changes are sent in one message.
const ANNOUNCE_DELAY = 50;

export class PresenceExchange {
  readonly #process: string = randomProcess();
  readonly #options: PresenceValues;
  readonly #link: BusLink | null;
  readonly #host: PresenceHost;
  readonly #views = new Map<string, PresenceView>();
  readonly #announcer: PresenceAnnouncer;
  readonly #processes: PresenceProcesses;
  readonly #answers: PresenceAnswers;
  readonly #alarm: Alarm = new Alarm((late) => this.#wake(late));
  readonly #beats: PresenceBeats;
  /** Lists of members from which a member was removed. They might have space now for a member that was left out because of `maxMembers`. */
  readonly #short = new Set<PresenceView>();
  #beatAt = Number.POSITIVE_INFINITY;
  #announcing: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(options: PresenceValues, link: BusLink | null, host: PresenceHost) {
    this.#options = options;
    this.#link = link;
    this.#host = host;
    this.#processes = new PresenceProcesses(options.lease);
    this.#answers = new PresenceAnswers(() => this.#processes.names);
    this.#beats = new PresenceBeats({ process: this.#process, lease: options.lease }, (beat) =>
      this.#publish(CONTROL, beat),
    );
    this.#announcer = new PresenceAnnouncer(this.#process, options, {
      ...host,
      publish: (topic, message) => this.#publish(presenceTopic(topic), message),
      changed: () => this.#announceSoon(),
    });
  }

  /** Subscribes to the messages that other processes send about their members. */
  start(): void {
    this.#link?.want(CONTROL);
  }

  /** Begins to watch a topic. @throws {TopicError} if this process already watches `maxTopics` other topics */
  watch(topic: string, handlers: PresenceHandlers): Presence {
    const view = this.#views.get(topic) ?? this.#open(topic);
    const observer = new Observer(
      view,
      handlers,
      () => this.#answers.ready(view),
      () => {
        view.observers.delete(observer);
        if (view.observers.size === 0) this.#closeView(view);
      },
    );
    if (this.#isClosed) observer.isClosed = true;
    else view.observers.add(observer);
    return observer;
  }

  joined(topic: string, connection: Connection<unknown>): void {
    const member = this.#announcer.join(topic, connection);
    if (member !== null) this.#views.get(topic)?.join(member);
  }

  /** Asks the application again for the info (a JSON value) of a connection. */
  updated(topic: string, connection: Connection<unknown>): void {
    const member = this.#announcer.update(topic, connection);
    if (member !== null) this.#views.get(topic)?.update(member);
  }

  left(topic: string, connection: Connection<unknown>): void {
    const member = this.#announcer.leave(topic, connection);
    const view = this.#views.get(topic);
    if (member === null || view === undefined) return;
    view.leave(member);
    if (!view.isPartial) return;
    this.#short.add(view);
    this.#announceSoon();
  }

  /** Closes all `Presence` objects. Tells the other processes that this process ends. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const view of [...this.#views.values()]) {
      for (const observer of view.observers) observer.isClosed = true;
      this.#closeView(view);
    }
    this.#alarm.close();
    if (this.#announcing !== null) clock.clearTimeout(this.#announcing);
    if (this.#link !== null) await farewell(this.#link, this.#process);
  }

  /** Is called when the subscription to this name is active on the bus. */
  covered(name: string): void {
    if (name === CONTROL) {
      this.#greet();
      this.#answers.greeted();
      this.#beatAt = clock.now() + this.#interval;
      this.#alarm.by(this.#beatAt);
    }
    const view = this.#views.get(watchedTopic(name) ?? '');
    if (view === undefined) return;
    this.#need(view.topic, '');
    this.#alarm.by(this.#answers.asked(view));
  }

  /**
   * Is called when messages to this name might have been lost. Asks the other processes to send the versions of their lists. A version
   * shows whether this process has the newest list.
   */
  lost(name: string): void {
    if (name === CONTROL || watchedTopic(name) !== null) this.#greet();
  }

  /**
   * Reads a message that came from the bus.
   * @param pattern the pattern of the subscription that received the message
   * @param bytes are valid until this method returns
   */
  received(pattern: string, name: string, bytes: Uint8Array): void {
    // On some buses, a pattern such as `**` also matches names that are reserved for presence. A message that came for such a pattern is
    // ignored.
    if (pattern !== name || this.#isClosed) return;
    const message = parsePresence(bytes);
    if (message?.process === this.#process) return;
    const isValid =
      message !== null &&
      (name === CONTROL ? this.#readControl(message) : this.#readMembers(message, watchedTopic(name)));
    if (!isValid) this.#host.invalid();
  }

  /** @returns false if the message is neither a farewell nor a beat, or if it exceeds a limit */
  #readControl(message: PresenceMessage): boolean {
    if (message.type === 'farewell') this.#forget(message.process);
    return message.type === 'farewell' || (message.type === 'beat' && this.#readBeat(message));
  }

  /** @returns false if the message contains neither changes nor a snapshot, or if it exceeds a limit */
  #readMembers(message: PresenceMessage, topic: string | null): boolean {
    const isChange = message.type === 'changes';
    if (!isChange && message.type !== 'snapshot') return false;
    if (!this.#heardOf(message.process)) return false;
    const view = this.#views.get(topic ?? '');
    if (view === undefined) return true;
    const entries = isChange ? message.joined : message.members;
    if (limitInfos(entries, this.#options.maxInfoSize)) this.#host.failed(new TopicError('WS_PRESENCE_INFO'));
    const needs = isChange ? view.change(message) : view.replace(message);
    if (needs) this.#need(view.topic, message.process);
    this.#answers.check(view);
    return true;
  }

  #readBeat({ process, lease, hello, watched, versions, needs }: Beat): boolean {
    if (!this.#heardOf(process, lease)) return false;
    let isValid = true;
    for (const topic of watched) {
      if (this.#host.isTopic(topic) && this.#announcer.watch(topic, process))
        this.#processes.watches(process, topic, clock.now());
      else isValid = false;
    }
    for (const [topic, version] of versions) {
      if (this.#views.get(topic)?.checkVersion(process, version)) this.#need(topic, process);
    }
    for (const [topic, of] of needs) {
      if (of === '' || of === this.#process) this.#announcer.snapshotNeeded(topic);
    }
    if (hello) {
      this.#beats.due(false);
      this.#announceSoon();
    }
    return isValid;
  }

  /**
   * Is called when a message of another process has come. The message shows that the process is alive.
   * @param lease the new lease of the process, in milliseconds; null if the lease does not change
   * @returns false if there are too many processes
   */
  #heardOf(process: string, lease: number | null = null): boolean {
    const end = this.#processes.heardOf(process, lease, clock.now());
    if (end !== null) this.#alarm.by(end);
    return end !== null;
  }

  #publish(topic: string, message: Buffer): void {
    this.#link?.publish(topic, message, () => {});
  }

  /** Asks all other processes to send their names, and the versions of their lists of members. */
  #greet(): void {
    this.#beats.due(true);
    this.#announceSoon();
  }

  // ---- the topics that this process watches ----

  #open(topic: string): PresenceView {
    const { maxMembers, maxTopics } = this.#options;
    const view = new PresenceView(topic, this.#process, maxMembers, this.#host.call);
    if (this.#isClosed) return view;
    if (this.#views.size >= maxTopics) throw new TopicError('WS_PRESENCE_FULL');
    this.#views.set(topic, view);
    for (const member of this.#announcer.watchHere(topic).members.values()) view.join(member);
    if (this.#link !== null) {
      this.#answers.open(view);
      this.#link.want(presenceTopic(topic));
    }
    return view;
  }

  #closeView(view: PresenceView): void {
    const { topic } = view;
    this.#views.delete(topic);
    this.#beats.forget(topic);
    this.#short.delete(view);
    this.#answers.end(view);
    this.#announcer.unwatchHere(topic);
    this.#link?.drop(presenceTopic(topic));
  }

  #need(topic: string, process: string): void {
    this.#beats.need(topic, process);
    this.#announceSoon();
  }

  get #interval(): number {
    return this.#options.lease / 3;
  }

  #wake(late: number): void {
    const now = clock.now();
    if (late > this.#interval) this.#processes.extend(late);
    for (const process of this.#processes.ended(now)) this.#forget(process);
    if (now >= this.#beatAt) {
      this.#beatAt = now + this.#interval;
      this.#processes.expireWatches(now, (topic, process) => this.#announcer.unwatch(topic, process));
      for (const view of this.#views.values()) this.#refill(view);
      this.#beats.send(this.#views.keys(), this.#announcer.versions());
    }
    this.#alarm.by(Math.min(this.#beatAt, this.#processes.nextEnd(), this.#answers.checkAll()));
  }

  /** Adds members of this process that were left out because of `maxMembers`, if there is space for them now. */
  #refill(view: PresenceView): void {
    view.refill(this.#announcer.get(view.topic)?.members.values() ?? []);
  }

  #announceSoon(): void {
    if (this.#isClosed) return;
    this.#announcing ??= clock.setTimeout(() => this.#announce(), ANNOUNCE_DELAY);
  }

  #announce(): void {
    this.#announcing = null;
    for (const view of this.#short) this.#refill(view);
    this.#short.clear();
    if (this.#announcer.announce(clock.now())) this.#announceSoon();
    this.#beats.flush(this.#views.keys(), this.#announcer.versions());
  }

  #forget(process: string): void {
    for (const topic of this.#processes.delete(process)) this.#announcer.unwatch(topic, process);
    for (const view of this.#views.values()) {
      view.forget(process);
      this.#answers.check(view);
    }
  }
}
