/** Tests the list of the members of a topic. Changes are applied in the order of their versions. A missing version requires a snapshot. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { MemberEntry } from '../../../src/api/topics/presence-messages.ts';
import { Observer, PresenceView } from '../../../src/api/topics/presence-view.ts';

const process = 'other';

let view: PresenceView;
let events: string[];
beforeEach(() => {
  events = [];
  view = new PresenceView('room', 'own', 5, (handler) => void handler());
  const handlers = {
    join: (member: { info: unknown }) => void events.push(`join ${member.info}`),
    update: (member: { info: unknown }, previous: { info: unknown }) =>
      void events.push(`update ${previous.info} to ${member.info}`),
    leave: (member: { info: unknown }) => void events.push(`leave ${member.info}`),
  };
  view.observers.add(
    new Observer(
      view,
      handlers,
      async () => {},
      () => {},
    ),
  );
});

/** Passes a snapshot to the list. @returns true if another snapshot is needed */
function snapshot(version: number, members: MemberEntry[], part = 0, parts = 1): boolean {
  return view.replace({ type: 'snapshot', process, version, part, parts, members });
}

/** Passes changes to the list. @returns true if a snapshot is needed */
function change(previous: number, version: number, left: number[], joined: MemberEntry[]): boolean {
  return view.change({ type: 'changes', process, previous, version, left, joined });
}

const infos = (): unknown[] => view.members().map(({ info }) => info);

describe('changes of a list of members', () => {
  test('changes are applied if they follow the version of the list', () => {
    expect(snapshot(3, [[1, 'a']])).toBe(false);
    expect(
      change(
        3,
        7,
        [1],
        [
          [2, 'b'],
          [1, 'c'],
        ],
      ),
    ).toBe(false);
    expect(infos()).toEqual(['b', 'c']);
    expect(events).toEqual(['join a', 'leave a', 'join b', 'join c']);
  });

  test('a member that is already in the list gets the new info, and keeps its place and its id', () => {
    snapshot(1, [
      [1, 'a'],
      [2, 'b'],
    ]);
    const [before] = view.members();
    change(1, 2, [], [[1, 'c']]);
    change(2, 3, [], [[1, 'c']]);
    expect(view.members()[0]).toEqual({ ...before, info: 'c' });
    expect(infos()).toEqual(['c', 'b']);
    expect(events).toEqual(['join a', 'join b', 'update a to c']);
  });

  test('`update` changes the info of a member of this process, but has no effect on a member that is not in the list because the list is full', () => {
    const own = (number: number, info: unknown) => ({ number, info, text: '' });
    for (let number = 1; number <= 6; number++) view.join(own(number, number));
    view.update(own(1, 'new'));
    view.update(own(6, 'new'));
    expect(infos()).toEqual(['new', 2, 3, 4, 5]);
    expect(events.slice(5)).toEqual(['update 1 to new']);
    expect(view.isPartial).toBe(true);
  });

  test('changes that arrive before the first snapshot or after a missing version are not applied, and the list needs a snapshot', () => {
    expect(change(3, 4, [], [[1, 'a']])).toBe(true);
    expect(snapshot(4, [[1, 'a']])).toBe(false);
    expect(change(5, 6, [1], [[2, 'b']])).toBe(true);
    expect(infos()).toEqual(['a']);
    // Until the snapshot arrives, later changes are not applied either.
    expect(change(6, 7, [], [[3, 'c']])).toBe(true);
    expect(
      snapshot(7, [
        [2, 'b'],
        [3, 'c'],
      ]),
    ).toBe(false);
    expect(infos()).toEqual(['b', 'c']);
  });

  test('changes that arrive late or twice are ignored', () => {
    snapshot(3, []);
    change(3, 4, [], [[1, 'a']]);
    expect(change(3, 4, [], [[1, 'a']])).toBe(false);
    snapshot(8, []);
    expect(change(4, 5, [], [[2, 'b']])).toBe(false);
    expect(infos()).toEqual([]);
    expect(events).toEqual(['join a', 'leave a']);
  });
});

describe('a snapshot of a list of members', () => {
  test('a second snapshot reports only the differences, and a member with another info is updated', () => {
    snapshot(1, [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    events.length = 0;
    snapshot(2, [
      [2, 'b'],
      [3, 'd'],
      [4, 'e'],
    ]);
    expect(events).toEqual(['leave a', 'update c to d', 'join e']);
    expect(infos()).toEqual(['b', 'd', 'e']);
  });

  test('a snapshot that is older than the list is ignored', () => {
    snapshot(5, [[1, 'a']]);
    expect(snapshot(4, [[2, 'b']])).toBe(false);
    expect(infos()).toEqual(['a']);
  });

  test('a snapshot in parts is used after all parts have arrived in order', () => {
    expect(snapshot(1, [[1, 'a']], 0, 3)).toBe(true);
    expect(snapshot(1, [[2, 'b']], 1, 3)).toBe(true);
    expect(infos()).toEqual([]);
    expect(snapshot(1, [[3, 'c']], 2, 3)).toBe(false);
    expect(infos()).toEqual(['a', 'b', 'c']);
  });

  test.each([
    [
      'is missing',
      [
        [1, 0, 3],
        [1, 2, 3],
      ],
    ],
    [
      'arrives twice',
      [
        [1, 0, 3],
        [1, 0, 3],
        [1, 2, 3],
      ],
    ],
    [
      'belongs to another snapshot',
      [
        [1, 0, 2],
        [2, 1, 2],
      ],
    ],
    [
      'has another number of parts',
      [
        [1, 0, 2],
        [1, 1, 3],
        [1, 2, 3],
      ],
    ],
    ['arrives before the first part', [[1, 1, 2]]],
  ])('if a part of a snapshot %s, the snapshot is not used, and another snapshot is needed', (_, parts) => {
    for (const [version = 0, part = 0, count = 0] of parts)
      expect(snapshot(version, [[part, String(part)]], part, count)).toBe(true);
    expect(infos()).toEqual([]);
    expect(snapshot(3, [[1, 'a']])).toBe(false);
    expect(infos()).toEqual(['a']);
  });
});

test('a snapshot is needed if a process announces a newer version of its list, but not if it announces an older version', () => {
  expect(view.checkVersion(process, 1)).toBe(true);
  snapshot(3, []);
  expect(view.checkVersion(process, 3)).toBe(false);
  expect(view.checkVersion(process, 2)).toBe(false);
  expect(view.checkVersion(process, 4)).toBe(true);
  // Until the snapshot arrives, each announcement requires the snapshot again.
  expect(view.checkVersion(process, 4)).toBe(true);
});

test('if a full list of members has room again, the list needs a snapshot with the missing members', () => {
  snapshot(1, [
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
    [4, 'd'],
    [5, 'e'],
    [6, 'f'],
  ]);
  expect(view).toMatchObject({ size: 5, isPartial: true });
  expect(view.checkVersion(process, 1)).toBe(false);
  change(1, 2, [1], []);
  expect(view.checkVersion(process, 2)).toBe(true);
  snapshot(2, [
    [2, 'b'],
    [3, 'c'],
    [4, 'd'],
    [5, 'e'],
    [6, 'f'],
  ]);
  expect(view).toMatchObject({ size: 5, isPartial: false });
});

test('if a process is removed from the list, all its members leave', () => {
  snapshot(1, [
    [1, 'a'],
    [2, 'b'],
  ]);
  view.join({ number: 1, info: 'own', text: '' });
  view.forget(process);
  view.forget('unknown');
  expect(infos()).toEqual(['own']);
  expect(events.slice(-2)).toEqual(['leave a', 'leave b']);
  // After its removal, changes of the process require a first snapshot again.
  expect(change(1, 2, [], [])).toBe(true);
});
