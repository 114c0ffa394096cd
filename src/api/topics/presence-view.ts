/**
 * Keeps the list of members of one topic, while this process watches the topic. There is one list of members for each process. Each
 * change of a list has a version. If a version is missing, the list does not change until a snapshot (a complete list) has come.
 */

import type { Presence, PresenceHandlers, PresenceMember } from './presence.ts';
import type { OwnMember } from './presence-announcer.ts';
import type { Changes, MemberEntry, Snapshot } from './presence-messages.ts';

/** The members of the topic that belong to one process. */
class MemberList {
  readonly process: string;
  readonly members = new Map<number, PresenceMember>();
  /** The version of the list. 0 before the first snapshot (a complete list) has come. */
  version = 0;
  needsSnapshot = true;
  /** True if the list lacks members because of the limit `maxMembers`. */
  isPartial = false;
  /** A snapshot (a list of all members) of which some parts have not come yet. */
  arriving: ArrivingSnapshot | null = null;

  constructor(process: string) {
    this.process = process;
  }
}

interface ArrivingSnapshot {
  readonly version: number;
  readonly parts: number;
  next: number;
  readonly entries: MemberEntry[];
}

/** A change that still has to be reported to the handlers of `observers`. */
interface Event {
  readonly kind: keyof PresenceHandlers;
  readonly member: PresenceMember;
  /** For the kind `update`, the member with its old info. For the kinds `join` and `leave`, the same object as `member`. */
  readonly previous: PresenceMember;
  readonly observers: readonly Observer[];
}

/** A `Presence` object, which the application gets from the method `presence`. */
export class Observer implements Presence {
  readonly #view: PresenceView;
  readonly #closed: (observer: Observer) => void;
  readonly #whenReady: () => Promise<void>;
  readonly handlers: PresenceHandlers;
  isClosed = false;

  constructor(
    view: PresenceView,
    handlers: PresenceHandlers,
    whenReady: () => Promise<void>,
    closed: (observer: Observer) => void,
  ) {
    this.#view = view;
    this.handlers = handlers;
    this.#whenReady = whenReady;
    this.#closed = closed;
  }

  get topic(): string {
    return this.#view.topic;
  }

  get members(): readonly PresenceMember[] {
    return this.isClosed ? [] : this.#view.members();
  }

  get size(): number {
    return this.isClosed ? 0 : this.#view.size;
  }

  get isPartial(): boolean {
    return !this.isClosed && this.#view.isPartial;
  }

  async ready(): Promise<void> {
    if (!this.isClosed) await this.#whenReady();
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#closed(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export class PresenceView {
  readonly topic: string;
  readonly observers: Set<Observer> = new Set();
  readonly #maxMembers: number;
  readonly #call: (handler: () => unknown) => void;
  readonly #lists = new Map<string, MemberList>();
  /** The members of the topic that belong to this process. */
  readonly #own: MemberList;
  #size = 0;
  #events: Event[] = [];
  #isCalling = false;

  /**
   * @param process the name of this process
   * @param call calls a handler, and catches its errors
   */
  constructor(topic: string, process: string, maxMembers: number, call: (handler: () => unknown) => void) {
    this.topic = topic;
    this.#own = this.#listOf(process);
    this.#own.needsSnapshot = false;
    this.#maxMembers = maxMembers;
    this.#call = call;
  }

  get size(): number {
    return this.#size;
  }

  get isPartial(): boolean {
    for (const { isPartial } of this.#lists.values()) if (isPartial) return true;
    return false;
  }

  members(): PresenceMember[] {
    const all: PresenceMember[] = [];
    for (const { members } of this.#lists.values()) for (const member of members.values()) all.push(member);
    return all;
  }

  join({ number, info }: OwnMember): void {
    this.#add(this.#own, number, info);
    this.#callHandlers();
  }

  /** Changes the info (a JSON value) of a member of this process. Does nothing if the member was left out because of `maxMembers`. */
  update({ number, info }: OwnMember): void {
    const known = this.#own.members.get(number);
    if (known !== undefined) this.#update(this.#own, number, known, info);
    this.#callHandlers();
  }

  leave({ number }: OwnMember): void {
    this.#remove(this.#own, number);
    this.#callHandlers();
  }

  /** Adds members of this process that were left out because of `maxMembers`, if there is space for them now. */
  refill(members: Iterable<OwnMember>): void {
    if (!this.#hasRoomFor(this.#own)) return;
    this.#own.isPartial = false;
    for (const { number, info } of members) {
      if (!this.#own.members.has(number)) this.#add(this.#own, number, info);
    }
    this.#callHandlers();
  }

  /**
   * Is called when another process has announced the version of its list. @returns true if this process needs a snapshot (the complete
   * list)
   */
  checkVersion(process: string, version: number): boolean {
    const list = this.#listOf(process);
    if (list.version < version || this.#hasRoomFor(list)) list.needsSnapshot = true;
    return list.needsSnapshot;
  }

  /** Applies changes to the list of another process. @returns true if this process needs a snapshot (the complete list) */
  change({ process, previous, version, left, joined }: Changes): boolean {
    const list = this.#listOf(process);
    if (version <= list.version) return list.needsSnapshot;
    if (previous !== list.version) {
      list.needsSnapshot = true;
      return true;
    }
    list.version = version;
    for (const number of left) this.#remove(list, number);
    for (const [number, info] of joined) this.#add(list, number, info);
    this.#callHandlers();
    return list.needsSnapshot;
  }

  /** Stores a part of a snapshot. When it is complete, it replaces the old list. @returns true if this process needs a new snapshot */
  replace({ process, version, part, parts, members }: Snapshot): boolean {
    const list = this.#listOf(process);
    if (version < list.version) return list.needsSnapshot;
    if (part === 0) list.arriving = { version, parts, next: 0, entries: [] };
    const { arriving } = list;
    if (arriving?.version !== version || arriving.parts !== parts || arriving.next !== part) {
      list.arriving = null;
      list.needsSnapshot = true;
      return true;
    }
    arriving.next++;
    for (const entry of members) {
      // One entry more than `maxMembers` is kept. This entry later shows that not all members fit into the list.
      if (arriving.entries.length <= this.#maxMembers) arriving.entries.push(entry);
    }
    if (arriving.next === parts) this.#replaceAll(list, arriving);
    return list.needsSnapshot;
  }

  /** True if the lists of all these processes are up to date. */
  hasAll(processes: Iterable<string>): boolean {
    for (const process of processes) if (this.#lists.get(process)?.needsSnapshot !== false) return false;
    return true;
  }

  /** Removes all members of a process that has ended or counts as dead. */
  forget(process: string): void {
    const list = this.#lists.get(process);
    if (list === undefined) return;
    for (const number of [...list.members.keys()]) this.#remove(list, number);
    this.#lists.delete(process);
    this.#callHandlers();
  }

  #hasRoomFor(list: MemberList): boolean {
    return list.isPartial && this.#size < this.#maxMembers;
  }

  #listOf(process: string): MemberList {
    let list = this.#lists.get(process);
    if (list === undefined) {
      list = new MemberList(process);
      this.#lists.set(process, list);
    }
    return list;
  }

  #replaceAll(list: MemberList, { version, entries }: ArrivingSnapshot): void {
    list.arriving = null;
    list.needsSnapshot = false;
    list.isPartial = false;
    list.version = version;
    const infos = new Map(entries);
    for (const number of [...list.members.keys()]) if (!infos.has(number)) this.#remove(list, number);
    for (const [number, info] of infos) this.#add(list, number, info);
    this.#callHandlers();
  }

  /** Adds a member to a list. If the list already has the member, changes its info. */
  #add(list: MemberList, number: number, info: unknown): void {
    const known = list.members.get(number);
    if (known !== undefined) {
      this.#update(list, number, known, info);
      return;
    }
    if (this.#size >= this.#maxMembers) {
      list.isPartial = true;
      return;
    }
    const { process } = list;
    const member = Object.freeze({ id: `${process}-${number}`, process, info });
    list.members.set(number, member);
    this.#size++;
    this.#tell('join', member);
  }

  #update(list: MemberList, number: number, known: PresenceMember, info: unknown): void {
    if (JSON.stringify(known.info) === JSON.stringify(info)) return;
    const member = Object.freeze({ ...known, info });
    list.members.set(number, member);
    this.#tell('update', member, known);
  }

  #remove(list: MemberList, number: number): void {
    const member = list.members.get(number);
    if (member === undefined) return;
    list.members.delete(number);
    this.#size--;
    this.#tell('leave', member);
  }

  #tell(kind: keyof PresenceHandlers, member: PresenceMember, previous = member): void {
    const observers = [...this.observers].filter(({ handlers }) => handlers[kind] !== undefined);
    if (observers.length > 0) this.#events.push({ kind, member, previous, observers });
  }

  /**
   * Calls the handlers for all changes. A handler can cause new changes. The handlers for the new changes are called after the handlers for
   * all earlier changes.
   */
  #callHandlers(): void {
    if (this.#isCalling) return;
    this.#isCalling = true;
    for (let at = 0; at < this.#events.length; at++) {
      const { kind, member, previous, observers } = this.#events[at]!;
      for (const observer of observers) {
        if (!observer.isClosed) this.#call(() => observer.handlers[kind]?.(member, previous));
      }
    }
    this.#events = [];
    this.#isCalling = false;
  }
}
