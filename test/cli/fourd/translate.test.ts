/**
 * Tests `rfc6455 4d --translate`. The translated programs of the documentation run without changes. The translator marks each untranslated
 * part, and loses no line.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket, webServer } from '../../../src/4d.ts';
import { toLines } from '../../../src/cli/fourd/lines.ts';
import { guessVersion, type SourceFile, translateProject } from '../../../src/cli/fourd/project.ts';
import * as plugin from '../../../src/plugin.ts';
import * as pluginV1 from '../../../src/plugin-v1.ts';
import { Journal } from '../../api/4d/harness.ts';
import { freePort } from '../../free-port.ts';
import { chat, client, load, uppercase, version1, version2 } from './programs.ts';

type Method = (...parameters: unknown[]) => unknown;

const log = console.log;
afterEach(async () => {
  console.log = log;
  plugin.methods.clear();
  await Promise.all([webServer.stop(0), plugin.clearAll(), pluginV1.clearAll()]);
});

/** Records the texts that the program passes to ALERT. */
function alerts(): Journal {
  const journal = new Journal();
  console.log = (text: unknown) => journal.note(text);
  return journal;
}

async function run(files: readonly SourceFile[], version: 'plugin' | 'plugin-v1' = 'plugin') {
  const { code, lines } = translateProject(files, version);
  expect(lines.filter(({ kind }) => kind === 'untranslated')).toEqual([]);
  return await load(code);
}

const url = (): string => `ws://127.0.0.1:${webServer.port}/`;

describe('the translated programs of docs/4d.md and docs/plugin.md, over real sockets', () => {
  test('the translated upper-case server of 4D answers with the message in upper case [D3-8 to D3-12]', async () => {
    await webServer.start({ port: 0 });
    const program = await run(uppercase);
    (program.startServer as Method)();
    const heard = new Journal();
    const ws = WebSocket.new(url(), { onMessage: (_ws, { data }) => heard.note(data) });
    ws.send('größer, café');
    // The function Uppercase of 4D also removes the accents.
    expect(await heard.length(1)).toEqual(['GROSSER, CAFE']);
    expect(program.wss).toMatchObject({ terminated: false });
  });

  test('the translated chat of 4D passes messages on, and announces clients that join and leave [D3-53 to D3-56, D3-90 to D3-93]', async () => {
    await webServer.start({ port: 0 });
    const said = alerts();
    const program = await run(chat);
    (program.startChat as Method)();
    await said.has('*** Server started');
    const heard = [new Journal(), new Journal()] as const;
    const join = (journal: Journal) =>
      WebSocket.new(url(), { onMessage: (_ws, { data }) => journal.note(data) });
    const ann = join(heard[0]);
    await heard[0].has('Welcome on the chat!');
    const bob = join(heard[1]);
    await heard[1].has('Welcome on the chat!');
    await heard[0].has('New client connected');
    bob.send('hello');
    await heard[0].has('hello');
    bob.terminate();
    await heard[0].has('Client disconnected');
    expect(heard[1].entries).toEqual(['Welcome on the chat!']);
    ann.terminate();
    await webServer.stop();
    expect(said.entries.at(-1)).toBe('*** Server closed');
  });

  test('the messages that the translated 4D client sends before it is connected reach the server [C88]', async () => {
    await webServer.start({ port: 0 });
    ((await run(uppercase)).startServer as Method)();
    const said = alerts();
    ((await run(client)).connect as Method)(url());
    await said.has('HELLO WORLD');
    await webServer.stop();
    await said.has('Connection closed');
  });

  test('the translated program for version 2 of the plugin receives its answer', async () => {
    const port = await freePort();
    const said = alerts();
    const files = version2.map(({ path, text }) => ({ path, text: text.replaceAll('8000', String(port)) }));
    expect(guessVersion(files)).toBe('plugin');
    await ((await run(files)).main as Method)();
    expect(await said.length(1)).toEqual(['you said hello']);
  });

  test('the translated program for version 1 of the plugin receives its answer', async () => {
    const port = await freePort();
    const files = version1.map(({ path, text }) => ({ path, text: text.replaceAll('8000', String(port)) }));
    expect(guessVersion(files)).toBe('plugin-v1');
    const program = await run(files, 'plugin-v1');
    // The method of the program sends an answer. This wrapper also records what the client receives.
    const heard = new Journal();
    const method = pluginV1.methods.get('WS_EVENT') as unknown as Method;
    pluginV1.methods.set('WS_EVENT', (...parameters: unknown[]) => {
      heard.note(parameters[2]);
      if (parameters[0] === 0 && parameters[2] === 'message')
        heard.note((parameters[3] as { data: string }).data);
      return method(...parameters);
    });
    await (program.main as Method)();
    await heard.has('you said hello');
  });
});

/** Returns the translation of a method with these lines. */
function method(...lines: string[]): string {
  const { code } = translateProject([{ path: 'Methods/m.4dm', text: lines.join('\n') }], 'plugin');
  return code;
}

/** Translates a method and calls it. */
async function call(lines: string[], ...parameters: unknown[]): Promise<unknown> {
  return await ((await load(method(...lines))).m as Method)(...parameters);
}

describe('constructs with another meaning in JavaScript', () => {
  test('in a translated program operators have no precedence, as in 4D', async () => {
    expect(await call(['$0:=2+3*4'])).toBe(20);
    expect(await call(['$0:=2+(3*4)'])).toBe(14);
    expect(await call(['$0:=7\\2^2'])).toBe(9);
    expect(await call(['$0:=-2^2'])).toBe(4);
  });

  test('a translated program compares texts without case and accents, and Null equals undefined', async () => {
    expect(await call(['$0:=("Café"="CAFE")'])).toBe(true);
    expect(await call(['$0:=($1#"b")'], 'B')).toBe(false);
    expect(await call(['$0:=($1=1)'], '1')).toBe(false);
    expect(await call(['C_OBJECT($o)', '$0:=($o=Null) & ($1#Null)'], {})).toBe(true);
    expect(await call(['$0:=($1.x=Null)'], {})).toBe(true);
  });

  test('the translated Uppercase and Lowercase remove accents, unless their second parameter is *', async () => {
    expect(await call(['$0:=Uppercase("é")+Uppercase("é"; *)+Lowercase("É")'])).toBe('EÉe');
  });

  test('a translated variable is visible in the whole method, its name ignores case, and it starts with the default value of its type', async () => {
    expect(await call(['If (True)', 'var $Sum : Integer', 'End if', '$sum:=$SUM+1', '$0:=$sum'])).toBe(1);
    expect(await call(['C_TEXT($t)', '$t+="a"', '$0:=$t'])).toBe('a');
  });

  test('a translated For includes its last value, and For each iterates over collections, objects and Null', async () => {
    expect(await call(['$s:=0', 'For ($i;1;4)', '$s:=$s+$i', 'End for', '$0:=$s'])).toBe(10);
    expect(await call(['$s:=""', 'For ($i;6;1;-2)', '$s:=$s+String($i)', 'End for', '$0:=$s'])).toBe('642');
    const each = ['$s:=""', 'For each ($x;$1)', '$s:=$s+$x', 'End for each', '$0:=$s'];
    expect(await call(each, ['a', 'b'])).toBe('ab');
    expect(await call(each, { k: 1, l: 2 })).toBe('kl');
    expect(await call(each, null)).toBe('');
    const whiles = [
      '$n:=0',
      'While ($n<3)',
      '$n:=$n+1',
      'If ($n=2)',
      'break',
      'End if',
      'End while',
      '$0:=$n',
    ];
    expect(await call(whiles)).toBe(2);
    expect(await call(['$n:=0', 'Repeat', '$n:=$n+1', 'Until ($n>=3)', '$0:=$n'])).toBe(3);
  });

  test('a translated Case of runs the first true case, or Else, even with comments between the cases', async () => {
    const lines = [
      'Case of // which',
      '// first',
      ': ($1<0) // less',
      '$0:="less"',
      ': ($1=0) | ($1=1)',
      '$0:="few"',
      'Else',
      '$0:="more"',
      'End case',
    ];
    expect([await call(lines, -1), await call(lines, 1), await call(lines, 2)]).toEqual([
      'less',
      'few',
      'more',
    ]);
  });

  test('objects, collections, BLOBs, JSON and Choose have the same results in a translated program as in 4D', async () => {
    expect(await call(['$0:=New object("a";1;"b c";New collection("x";{d: 2; e: [1; 2]}))'])).toEqual({
      a: 1,
      'b c': ['x', { d: 2, e: [1, 2] }],
    });
    expect(await call(['$o:=JSON Parse("{\\"a\\":[1,2]}")', '$0:=$o.a[1]+$o.a.first()'])).toBe(3);
    expect(await call(['CONVERT FROM TEXT("é";"utf-8";$b)', '$0:=Convert to text($b;"UTF-8")'])).toBe('é');
    expect(await call(['$0:=Choose($1;"yes";"no")+(($1) ? "!" : "?")'], false)).toBe('no?');
  });

  test('if a method has to wait, each translated caller of the method awaits it', () => {
    const files = [
      { path: 'Methods/inner.4dm', text: '$0:=Websocket client start ($1)' },
      { path: 'Methods/outer.4dm', text: 'inner($1)' },
      { path: 'Classes/C.4dm', text: 'Function f($x : Object)\nouter($x)\nFunction g()\nThis.f(Null)' },
    ];
    const { code } = translateProject(files, 'plugin');
    expect(code).toContain('export async function outer');
    expect(code).toContain('await outer($x);');
    expect(code).toContain('await this.f(null);');
  });

  test('the translator handles names that are reserved in JavaScript, derived classes and accessors', async () => {
    const files = [
      { path: 'Classes/B.4dm', text: 'Class extends Array\nFunction h()->$r : Text\n$r:="h"+This.i\n' },
      { path: 'Classes/Array.4dm', text: 'property x : Text\nFunction get i()->$r : Text\n$r:="i"\n' },
      { path: 'Methods/delete.4dm', text: '$0:=cs.B.new().h()' },
    ];
    const { code, lines } = translateProject(files, 'plugin');
    expect(lines.filter(({ kind }) => kind === 'untranslated')).toEqual([]);
    expect(((await load(code)).delete_ as Method)()).toBe('hi');
  });
});

describe('code without a translation', () => {
  test.each([
    ['CALL FORM(1;"x")', 'CALL FORM'],
    ['$x:=$c.query("a = 1")', '.query()'],
    ['$x:=Unknown thing(1)', 'Unknown thing'],
    ['$x:=$y & $z', '& with what may be numbers'],
    ['$x:=($1="a@")', 'wildcard'],
    ['$x:=->$y', '->'],
    ['$x:=!2024-01-01!', 'character'],
    ['$x:="open', 'without an end'],
    ['$x:=cs.Nowhere.new()', 'Nowhere'],
    ['$x:=4D.TCPConnection.new()', 'TCPConnection'],
    ['C_POINTER($p)', 'C_POINTER'],
    ['break', 'outside of a loop'],
    ['If ($1=1)', 'a block without its end'],
    ['End if', ''],
    ['This.x:=1', 'This outside of a class'],
    ['TEXT TO BLOB("x";$b;Mac text)', 'UTF-8'],
  ])(
    'the untranslated line %s stays as a comment, and the program throws when it reaches the line',
    async (line, reason) => {
      const { code, lines } = translateProject(
        [{ path: 'Methods/m.4dm', text: `$ok:=1\n${line}` }],
        'plugin',
      );
      const [one] = lines.filter(({ kind }) => kind === 'untranslated');
      expect(one).toMatchObject({ file: 'Methods/m.4dm', line: 2 });
      expect(one?.reason).toContain(reason);
      expect(code).toContain(`//   ${line}`);
      expect(() => ((load(code) as unknown) ?? null) && null).not.toThrow();
      await expect((async () => ((await load(code)).m as Method)())()).rejects.toThrow(
        'Methods/m.4dm:2 was not translated',
      );
    },
  );

  test('if the condition of a block has no translation, the whole block becomes a comment', () => {
    const code = method('If (Unknown($1))', 'ALERT("a")', 'Else', 'ALERT("b")', 'End if', 'ALERT("c")');
    expect(code).not.toContain("console.log('a')");
    expect(code).toContain('//   ALERT("a")');
    expect(code).toContain("console.log('c')");
  });

  test('the translator reports shared constructors and query functions as untranslated, because this package does not have them', () => {
    const text =
      'shared Class constructor()\nThis.x:=1\nFunction query q()\nreturn 1\nFunction ok()\nreturn 2';
    const { code, lines } = translateProject([{ path: 'Classes/C.4dm', text }], 'plugin');
    expect(lines.filter(({ kind }) => kind === 'untranslated').map(({ line }) => line)).toEqual([1, 2, 3, 4]);
    expect(code).toContain('return 2;');
  });
});

// ---- any input ----

const snippets = [
  'If ($1=1)',
  'If (',
  'Else',
  'End if',
  'For each ($x;$c)',
  'End for each',
  'For ($i;1;3)',
  'End for',
  'While (True)',
  'End while',
  'Repeat',
  'Until (1=1)',
  'Case of',
  ': ($a=1)',
  ': (',
  'End case',
  'Use ($o)',
  'End use',
  'Begin SQL',
  'End SQL',
  'Try',
  'Catch',
  'End try',
  'Function f($a : Text)->$r : Text',
  'Function get x()',
  'Function set x($a)',
  'Function (',
  'Class constructor',
  'Class extends B',
  'Class constructor($a)',
  '#DECLARE($a : Text)->$b : Text',
  'var $x : Integer',
  'var $x; $y : Text:="a"',
  'property constructor',
  'property a;b',
  'C_TEXT($1;$t)',
  '$x:=1',
  'wss:=$x',
  '<>v:=2',
  '$x+=1',
  'ALERT("a")',
  'This.f($x)',
  'return',
  'return $x',
  'break',
  'continue',
  'm',
  'Form.a:="b"',
  'Array:=1',
  'Websocket client start ($c)',
  'CALL WORKER("w";Formula(wss:=4D.WebSocketServer.new($h)))',
  '// comment',
  '/* open',
  'close */',
  '"',
  '\\',
  '$x:=1 \\',
  '$o.a.b[1]:={a: 1; "b c": [1; 2]}',
  '$x:=$a ? $b : $c',
  '\u2028',
  '// \u2028alert(1)',
  '$x:="\u2029"',
  '5.a',
  '$x:=5.a',
  'delete:=1',
  'New object:=1',
];

const source = fc.oneof(
  fc
    .array(fc.oneof(fc.constantFrom(...snippets), fc.string({ unit: 'grapheme', maxLength: 20 })), {
      maxLength: 30,
    })
    .map((all) => all.join('\n')),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(fc.constantFrom(...snippets), { maxLength: 25 }).map((all) => all.join('\r')),
);

const AsyncFunction = (async () => {}).constructor as new (code: string) => unknown;

describe('the translator with any input', () => {
  test('for any input the translator does not throw, reports the result of each line once, and returns a valid program', () => {
    fc.assert(
      fc.property(source, source, fc.boolean(), (one, other, isFirst) => {
        const files = [
          { path: 'Classes/B.4dm', text: one },
          { path: 'Methods/m.4dm', text: other },
          { path: 'Classes/A.4dm', text: isFirst ? 'Class extends B' : 'Class extends A' },
        ];
        const { code, lines } = translateProject(files, isFirst ? 'plugin' : 'plugin-v1');
        for (const { path, text } of files) {
          const expected = toLines(text).flatMap(({ number, count }) =>
            Array.from({ length: count }, (_, at) => number + at),
          );
          const found = lines
            .filter((fate) => fate.file === path)
            .flatMap(({ line, count }) => Array.from({ length: count }, (_, at) => line + at));
          expect(found.sort((a, b) => a - b)).toEqual(expected);
          expect(expected).toHaveLength(text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/).length);
        }
        // The program can be parsed as a function body after its imports and exports are removed.
        const body = code.replace(/^import .*$/gm, '').replace(/^export /gm, '');
        expect(() => new AsyncFunction(`'use strict';${body}`)).not.toThrow();
      }),
      { numRuns: 400 },
    );
  });

  test('the translator does not overflow the stack for deeply nested code', () => {
    const deep = `$x:=${'('.repeat(20_000)}1${')'.repeat(20_000)}`;
    expect(method(deep)).toContain('NOT TRANSLATED');
    const blocks = [
      ...Array.from({ length: 3_000 }, () => 'If (True)'),
      ...Array.from({ length: 3_000 }, () => 'End if'),
    ];
    expect(method(...blocks)).toContain('NOT TRANSLATED');
    expect(method(`$x:=${'-'.repeat(50_000)}1`)).toContain('$x');
    expect(method(`$x:=1${'+1'.repeat(20_000)}`)).toMatch(/NOT TRANSLATED|\$x/);
  });
});
