/** The 4D programs of docs/4d.md and docs/plugin.md, as the files of 4D projects. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import type { SourceFile } from '../../../src/cli/fourd/project.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Returns the block of 4D code on the page that contains the text. */
function block(page: string, text: string): string {
  const source = readFileSync(join(root, 'docs', page), 'utf8');
  const found = [...source.matchAll(/^```4d\n([\s\S]*?)^```/gm)].map(([, code = '']) => code);
  const one = found.find((code) => code.includes(text));
  if (one === undefined) throw new Error(`${page} has no 4D code with ${text}`);
  return one;
}

const file = (path: string, text: string): SourceFile => ({ path, text });

/** The upper-case server of docs/4d.md. */
export const uppercase: readonly SourceFile[] = [
  file('Methods/startServer.4dm', block('4d.md', 'CALL WORKER')),
  file('Classes/myServerHandler.4dm', block('4d.md', '//myServerHandler class')),
  file('Classes/myConnectionHandler.4dm', block('4d.md', 'Uppercase')),
];

/** The chat of docs/4d.md, with two methods that the page does not contain. */
export const chat: readonly SourceFile[] = [
  file('Classes/myWSServerHandler.4dm', block('4d.md', 'VerifyAddress')),
  file('Classes/myConnectionHandler.4dm', block('4d.md', 'This.broadcast')),
  file(
    'Methods/VerifyAddress.4dm',
    '#DECLARE($address : Text)->$ok : Boolean\n$ok:=($address="127.0.0.1")\n',
  ),
  file('Methods/LogFile.4dm', 'C_TEXT($1)\nALERT($1)\n'),
  file('Methods/startChat.4dm', 'wss:=4D.WebSocketServer.new(cs.myWSServerHandler.new())\n'),
];

export const client: readonly SourceFile[] = [
  file('Classes/WSConnectionHandler.4dm', block('4d.md', 'WSConnectionHandler class')),
  file('Methods/connect.4dm', `#DECLARE($wssUrl : Text)\n${block('4d.md', 'Form.webSocket')}`),
];

/** The program for version 1 of the plugin. */
export const version1: readonly SourceFile[] = [
  file('Methods/main.4dm', block('plugin.md', 'TEXT TO BLOB("hello"')),
  file('Methods/WS_EVENT.4dm', block('plugin.md', '// WS_EVENT')),
];

/** The program for version 2 of the plugin. */
export const version2: readonly SourceFile[] = [
  file('Methods/main.4dm', block('plugin.md', 'Websocket SET METHOD ("CB")')),
  file('Methods/CB.4dm', block('plugin.md', '// CB')),
];

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** Creates a folder with these files. */
export function write(files: readonly SourceFile[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'rfc6455-4d-'));
  folders.push(folder);
  for (const { path, text } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** Imports a module from its text. Imports of `rfc6455/…` in the text resolve to the files in dist/. */
export async function load(code: string): Promise<Record<string, unknown>> {
  const dist = pathToFileURL(join(root, 'dist')).href;
  const text = code.replace(/from 'rfc6455\/([\w-]+)'/g, (_, entry: string) => `from '${dist}/${entry}.js'`);
  const folder = write([{ path: 'program.mjs', text }]);
  return await import(pathToFileURL(join(folder, 'program.mjs')).href);
}
