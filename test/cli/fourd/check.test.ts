/** Tests the output of `rfc6455 4d` for a folder, as text and as JSON, and its exit codes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { translatedCommands } from '../../../src/cli/fourd/emit-commands.ts';
import { checkProject, guessVersion } from '../../../src/cli/fourd/project.ts';
import {
  allEntries,
  generalEntries,
  pluginEntries,
  tableOf,
  warnings,
} from '../../../src/cli/fourd/table.ts';
import { run } from '../process.ts';
import { chat, client, uppercase, version1, version2, write } from './programs.ts';

describe('the table of commands and classes of 4D', () => {
  test('the table marks a command as translated if and only if the translator knows the command', () => {
    const commands = [...pluginEntries, ...generalEntries].filter(({ name }) => !name.startsWith('.'));
    const web = ['web start server', 'web stop server'];
    const names = (isTranslated: boolean): string[] =>
      commands.filter(({ translated }) => translated === isTranslated).map(({ name }) => name.toLowerCase());
    expect(names(true).filter((name) => !translatedCommands.includes(name))).toEqual([]);
    expect(names(false).filter((name) => translatedCommands.includes(name))).toEqual([]);
    expect(translatedCommands.filter((name) => ![...names(true), ...web].includes(name))).toEqual([]);
  });

  test('the names in the table are unique, and each warning belongs to an entry of the table', () => {
    const names = allEntries.map(({ name }) => name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
    const used = new Set<string>(allEntries.flatMap((entry) => entry.warnings));
    expect(Object.keys(warnings).filter((id) => !used.has(id))).toEqual([]);
  });

  test.each([
    ['4d.md', 'classEntries'],
    ['plugin.md', 'pluginEntries'],
  ])('docs/%s contains the table of %s', async (page, entries) => {
    const table: Record<string, unknown> = { ...(await import('../../../src/cli/fourd/table.ts')) };
    const text = readFileSync(new URL(`../../../docs/${page}`, import.meta.url), 'utf8');
    expect(text).toContain(tableOf(table[entries] as typeof allEntries));
  });
});

describe('the findings of the checker', () => {
  const found = (text: string): string[] =>
    checkProject([{ path: 'm.4dm', text }]).flatMap(({ findings }) =>
      findings.map(({ line, entry, warnings: ids }) => [line, entry.name, ...ids].join(' ')),
    );

  test('the checker ignores the case of a command, prefers the longest name, and finds nothing in texts and comments', () => {
    expect(
      found(
        '// Websocket client\n$s:=WEBSOCKET  CLIENT START ($c)\nALERT("Websocket server")\n$x:=Websocket client($o)',
      ),
    ).toEqual(['2 Websocket client start', '3 ALERT form', '4 Websocket client reconnects']);
  });

  test('the checker reports general commands only in files that use WebSockets', () => {
    expect(found('ALERT("x")\nUppercase("x")')).toEqual([]);
    expect(found('Function onMessage($ws : Object; $m : Object)\n$ws.send(Uppercase($m.data))')).toEqual([
      '2 Uppercase accents',
    ]);
    expect(found('Function onMessage($ws : Object; $m : Object)\n$ws.send(Uppercase($m.data; *))')).toEqual([
      '2 Uppercase',
    ]);
  });

  test('the checker lists the notes of a class if the program creates an instance, but not if the program only declares a variable of the class', () => {
    expect(
      found('var $w : 4D.WebSocket\n$w:=4D.WebSocket.new($url)\nwss:=4D.WebSocketServer.new($h)'),
    ).toEqual(['1 4D.WebSocket', '2 4D.WebSocket send-early size', '3 4D.WebSocketServer loopback size']);
  });

  test('the checker finds endless loops and commands without a translation', () => {
    const text =
      'Function onMessage($ws : Object; $m : Object)\nWhile (True)\nDELAY PROCESS(1;60)\nEnd while\n$c:=$x.query("a=1")';
    expect(found(text)).toEqual([
      '2 While (True) endless',
      '3 DELAY PROCESS endless',
      '5 .query collections',
    ]);
  });

  test('the checker reports the last three parameters of a callback of version 1, with their replacements [D2-33]', () => {
    const text =
      'C_LONGINT($1)\n$s:=Websocket server clients ($o)\nCALL WORKER($5;"m")\nCALL FORM($6;"m")\nPOST OUTSIDE CALL($7)';
    expect(found(text)).toEqual([
      '2 Websocket server clients',
      '3 CALL WORKER worker',
      '4 CALL FORM form',
      '5 POST OUTSIDE CALL form',
    ]);
    const [file] = checkProject([{ path: 'm.4dm', text }]);
    expect(file?.findings.map(({ entry }) => entry.translated)).toEqual([true, true, false, false]);
  });

  test('guessVersion returns the version of the plugin, or null if the program does not show the version', () => {
    expect([version1, version2, uppercase].map((files) => guessVersion(files))).toEqual([
      'plugin-v1',
      'plugin',
      null,
    ]);
  });
});

describe('the command `rfc6455 4d`', () => {
  test('`rfc6455 4d` lists the 4D commands of a program, and exits with 0 if all of them have a translation', async () => {
    const folder = write(chat);
    const { exit, stdout, stderr } = await run(['4d', folder]);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toContain('Classes/myConnectionHandler.4dm:3  4D.WebSocketConnection  →  a method');
    expect(stdout).toContain('What to look out for:\n- ');
  });

  test('`rfc6455 4d --json` prints JSON, and exits with 1 if a 4D command has no translation', async () => {
    const text = 'Function onMessage($ws : Object; $m : Object)\nCALL FORM(1;"x")';
    const { exit, stdout } = await run(['4d', write([{ path: 'Classes/C.4dm', text }]), '--json']);
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      complete: false,
      findings: [
        {
          file: 'Classes/C.4dm',
          line: 2,
          name: 'CALL FORM',
          surface: '',
          translation: null,
          advice: 'no equivalent: write code that replaces the form',
          warnings: [{ id: 'form', text: warnings.form }],
        },
      ],
      untranslated: [],
    });
  });

  test('`rfc6455 4d --translate` prints the translated module on stdout and the list of findings on stderr; with --out it writes the module to a file', async () => {
    const folder = write(client);
    const { exit, stdout, stderr } = await run(['4d', folder, '--translate']);
    expect(exit).toBe(0);
    expect(stdout).toContain('export class WSConnectionHandler {');
    expect(stderr).toContain('4D.WebSocket');
    const out = join(folder, 'program.js');
    expect((await run(['4d', folder, '--translate', '--out', out])).stdout).toBe(stderr);
    expect(readFileSync(out, 'utf8')).toBe(stdout);
    const lost = write([{ path: 'm.4dm', text: 'Unknown(1)' }]);
    expect(await run(['4d', lost, '--translate'])).toMatchObject({
      exit: 1,
      stderr: expect.stringContaining('m.4dm:1  NOT TRANSLATED  Unknown'),
    });
  });

  test('`rfc6455 4d` reports that a folder uses no WebSockets', async () => {
    const { exit, stdout } = await run(['4d', write([{ path: 'm.4dm', text: 'ALERT("x")' }])]);
    expect({ exit, stdout }).toEqual({ exit: 0, stdout: 'nothing here has to do with WebSockets\n' });
  });

  test.each([
    [['4d'], 'the folder is missing'],
    [['4d', 'a', 'b'], 'one folder, not 2'],
    [['4d', '/nowhere/at/all'], 'cannot read /nowhere/at/all: ENOENT'],
    [['4d', 'docs'], 'docs has no .4dm file'],
    [['4d', 'docs', '--out', 'x'], '--out belongs to --translate'],
  ])('`rfc6455 4d` exits with 2 for the arguments %j', async (args, text) => {
    const { exit, stderr } = await run(args);
    expect(exit).toBe(2);
    expect(stderr).toContain(text);
  });

  test('`rfc6455 4d` requires --plugin if the program does not show which version of the plugin it uses, and checks the value of --plugin', async () => {
    const folder = write([{ path: 'm.4dm', text: '$s:=Websocket server ($o)' }]);
    expect(await run(['4d', folder, '--translate'])).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('--plugin 1 or --plugin 2'),
    });
    expect((await run(['4d', folder, '--translate', '--plugin', '1'])).stdout).toContain(
      "'rfc6455/plugin-v1'",
    );
    expect(await run(['4d', folder, '--translate', '--plugin', '3'])).toMatchObject({ exit: 2 });
  });

  test('`rfc6455 4d --help` prints the usage', async () => {
    expect((await run(['4d', '--help'])).stdout).toContain('usage: rfc6455 4d <folder>');
  });
});
