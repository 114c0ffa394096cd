/**
 * Members of the chat of examples/chat-cluster.js, and checks of the messages that they receive. The checks do not depend on how the
 * processes of the chat exchange messages.
 */
import { expect } from 'vitest';
import { type Connection, connect } from '../src/index.ts';
import { until } from './api/pair.ts';

/** A message of the server. The first comment of examples/chat-cluster.js lists all messages. */
interface Message {
  readonly line?: string;
  readonly id?: string;
  readonly people?: readonly { readonly id: string; readonly name: string }[];
  readonly here?: { readonly id: string; readonly name: string };
  readonly gone?: string;
  readonly you?: string;
  readonly offset?: string | null;
}

/** One member of one room: a client that records the lines that it receives. */
export class Member {
  name: string;
  readonly lines: string[] = [];
  /** The ids of the lines that all members receive. */
  readonly ids: string[] = [];
  /** The last offset. It is undefined before the first offset. */
  offset: string | null | undefined;
  #people = new Map<string, string>();
  /** The process that serves the member. */
  process = 0;
  #connection: Connection | null = null;

  private constructor(name: string) {
    this.name = name;
  }

  /**
   * @param url the URL of the page @param after the last offset of an earlier connection, or '' if the connection received no offset
   * @returns a member that receives the lines of all processes
   */
  static async enter(url: string, room: string, name: string, after?: string): Promise<Member> {
    const member = new Member(name);
    const query = new URLSearchParams({ room, name, ...(after === undefined ? null : { after }) });
    member.#connection = await connect(`${url.replace('http', 'ws')}chat?${query}`, {
      handlers: {
        message: (_, message) => member.#receive(JSON.parse(String(message))),
      },
    });
    const welcome = /^\* You are with process (\d+)$/;
    await until(() => member.offset !== undefined);
    member.process = Number(welcome.exec(member.lines.find((line) => welcome.test(line))!)![1]);
    return member;
  }

  #receive({ line, id, people, here, gone, you, offset }: Message): void {
    if (line !== undefined) this.lines.push(line);
    if (id !== undefined) this.ids.push(id);
    if (people !== undefined) this.#people = new Map(people.map((person) => [person.id, person.name]));
    if (here !== undefined) this.#people.set(here.id, here.name);
    if (gone !== undefined) this.#people.delete(gone);
    if (you !== undefined) this.name = you;
    if (offset !== undefined) this.offset = offset;
  }

  /** The names of all members of the room, from the messages that this member has received. */
  get people(): string[] {
    return [...this.#people.values()].sort();
  }

  say(text: string): void {
    this.#connection?.send(text);
  }

  get closed(): Connection['closed'] {
    return this.#connection!.closed;
  }

  leave(): Promise<unknown> {
    return this.#connection!.close();
  }
}

/** Enters a room with one member for each process. */
export async function enterEverywhere(
  url: string,
  room: string,
  names: readonly string[],
): Promise<Member[]> {
  const members: Member[] = [];
  for (const name of names) {
    let member = await Member.enter(url, room, name);
    // The primary gives each new connection to the next process, but a process may still be starting.
    while (members.some((other) => other.process === member.process)) {
      await member.leave();
      await new Promise((resolve) => setTimeout(resolve, 20));
      member = await Member.enter(url, room, name);
    }
    members.push(member);
  }
  return members;
}

/**
 * Every member sends `count` lines. Checks that every member receives each line of all members once, and the lines of one member in order.
 */
export async function talk(members: readonly Member[], topic: string, count: number): Promise<void> {
  const said = (name: string): string[] =>
    Array.from({ length: count }, (_, number) => `${name}: ${topic} ${number}`);
  const heard = ({ lines }: Member): string[] => lines.filter((line) => line.includes(`: ${topic} `));
  for (let number = 0; number < count; number++) {
    for (const member of members) member.say(`${topic} ${number}`);
  }
  for (const member of members) {
    await until(() => heard(member).length >= members.length * count);
    for (const { name } of members) {
      expect(heard(member).filter((line) => line.startsWith(`${name}: `))).toEqual(said(name));
    }
    expect(heard(member)).toHaveLength(members.length * count);
  }
}
