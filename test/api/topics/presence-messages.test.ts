/** Tests the messages of presence. Serialized messages are parsed, and all other bytes are refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Beat,
  inParts,
  isPresenceName,
  limitInfos,
  type MemberEntry,
  parsePresence,
  presenceTopic,
  serializeBeats,
  serializeChanges,
  serializeFarewell,
  serializeSnapshot,
  watchedTopic,
} from '../../../src/api/topics/presence-messages.ts';

const process = 'AAAAAAAAAAAAAAAAAAAAAA';

const samples: readonly Buffer[] = [
  ...serializeBeats(
    { process, lease: 15_000, hello: true },
    {
      watched: ['"room/1"', '"ü"'],
      versions: ['["room/1",7]'],
      needs: [`["room/1",""]`, `["ü","${process}"]`],
    },
  ),
  serializeFarewell(process),
  serializeChanges({ process, previous: 3, version: 4, left: [1, 2] }, ['[3,null]', '[4,{"name":"grüße"}]']),
  serializeSnapshot({ process, version: 4, part: 0, parts: 2 }, ['[3,null]']),
];

test('each kind of presence message is parsed to the values that were serialized', () => {
  expect(samples.map((bytes) => parsePresence(bytes))).toEqual([
    {
      format: 1,
      type: 'beat',
      process,
      lease: 15_000,
      hello: true,
      watched: ['room/1', 'ü'],
      versions: [['room/1', 7]],
      needs: [
        ['room/1', ''],
        ['ü', process],
      ],
    },
    { format: 1, type: 'farewell', process },
    {
      format: 1,
      type: 'changes',
      process,
      previous: 3,
      version: 4,
      left: [1, 2],
      joined: [
        [3, null],
        [4, { name: 'grüße' }],
      ],
    },
    { format: 1, type: 'snapshot', process, version: 4, part: 0, parts: 2, members: [[3, null]] },
  ]);
});

test('a presence message is refused if its bytes are cut off or have an additional byte', () => {
  for (const bytes of samples) {
    for (let end = 0; end < bytes.length; end++) expect(parsePresence(bytes.subarray(0, end))).toBeNull();
    expect(parsePresence(Buffer.concat([bytes, Buffer.from('}')]))).toBeNull();
  }
});

test.each([
  'null',
  '1',
  '[]',
  '{}',
  '{"format":2,"type":"farewell","process":"a"}',
  '{"format":1,"type":"toString","process":"a"}',
  '{"format":1,"type":"__proto__","process":"a"}',
  '{"format":1,"type":"farewell","process":""}',
  '{"format":1,"type":"farewell","process":5}',
  `{"format":1,"type":"farewell","process":"${'a'.repeat(65)}"}`,
  '{"format":1,"type":"beat","process":"a","lease":-1,"hello":false,"watched":[],"versions":[],"needs":[]}',
  '{"format":1,"type":"beat","process":"a","lease":1,"hello":0,"watched":[],"versions":[],"needs":[]}',
  '{"format":1,"type":"beat","process":"a","lease":1,"hello":false,"watched":[1],"versions":[],"needs":[]}',
  '{"format":1,"type":"beat","process":"a","lease":1,"hello":false,"watched":[],"versions":[["t",1.5]],"needs":[]}',
  '{"format":1,"type":"beat","process":"a","lease":1,"hello":false,"watched":[],"versions":[],"needs":[["t"]]}',
  '{"format":1,"type":"beat","process":"a","lease":1,"hello":false,"watched":[],"versions":[]}',
  '{"format":1,"type":"changes","process":"a","previous":2,"version":2,"left":[],"joined":[]}',
  '{"format":1,"type":"changes","process":"a","previous":1,"version":2,"left":["1"],"joined":[]}',
  '{"format":1,"type":"changes","process":"a","previous":1,"version":2,"left":[],"joined":[[1]]}',
  '{"format":1,"type":"snapshot","process":"a","version":0,"part":0,"parts":1,"members":[]}',
  '{"format":1,"type":"snapshot","process":"a","version":1,"part":1,"parts":1,"members":[]}',
  '{"format":1,"type":"snapshot","process":"a","version":1,"part":0,"parts":1,"members":{}}',
])('the invalid presence message is refused: %s', (text) => {
  expect(parsePresence(Buffer.from(text))).toBeNull();
});

test('a presence message of more than 1 MiB is refused', () => {
  const large = serializeSnapshot({ process, version: 1, part: 0, parts: 1 }, [
    `[1,"${'x'.repeat(1_048_576)}"]`,
  ]);
  expect(parsePresence(large)).toBeNull();
});

test('`parsePresence` does not throw for any bytes', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        expect(parsePresence(bytes)).toBeNull();
      },
    ),
  );
});

test('`presenceTopic` puts $presence/ before a topic, and `watchedTopic` removes this prefix', () => {
  expect(presenceTopic('room/1')).toBe('$presence/room/1');
  expect(watchedTopic('$presence/room/1')).toBe('room/1');
  expect(watchedTopic('$presence')).toBeNull();
  expect(watchedTopic('room/1')).toBeNull();
  expect(['$presence', '$presence/a', '$presences', 'presence/a'].filter(isPresenceName)).toEqual([
    '$presence',
    '$presence/a',
  ]);
});

describe('lists that are split into parts', () => {
  test('`inParts` keeps the order of all elements, and each part is small unless a single element is large', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 9_000 }), { maxLength: 50 }), (texts) => {
        const parts = inParts(texts);
        expect(parts.flat()).toEqual(texts);
        for (const part of parts) expect(part.join().length).toBeLessThanOrEqual(16_384 + 50);
      }),
    );
    expect(inParts(['x'.repeat(60_000), 'y'])).toHaveLength(2);
    expect(inParts([])).toEqual([[]]);
  });

  test('a long beat (a regular message of a process) is split into several complete beats, and only the first beat asks for answers', () => {
    const watched = Array.from({ length: 3_000 }, (_, at) => `"topic/${at}"`);
    const beats = serializeBeats(
      { process, lease: 15_000, hello: true },
      { watched, versions: [], needs: [] },
    );
    expect(beats.length).toBeGreaterThan(1);
    const parsed = beats.map((bytes) => parsePresence(bytes) as Beat);
    expect(parsed.flatMap((beat) => beat.watched)).toHaveLength(3_000);
    expect(parsed.map(({ hello }) => hello)).toEqual([true, ...beats.slice(1).map(() => false)]);
  });
});

test('an info becomes null if it is larger than the limit or nested too deeply for JSON', () => {
  const deep = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`) as unknown;
  const entries: MemberEntry[] = [
    [1, 'four'],
    [2, 'fifth'],
    [3, deep],
  ];
  expect(limitInfos(entries, 6)).toBe(true);
  expect(entries).toEqual([
    [1, 'four'],
    [2, null],
    [3, null],
  ]);
  expect(limitInfos(entries, 6)).toBe(false);
});
