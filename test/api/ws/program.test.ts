/**
 * Runs a program that was written for `ws`, first with `ws` and then with our package. Only the import is different. The program uses
 * noServer, authentication during the upgrade, a heartbeat, a broadcast, and the event unexpected-response.
 */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';

const run = promisify(execFile);
const program = new URL('program.mjs', import.meta.url);

test('a program prints the same lines with the package ws and with our package', async () => {
  const text = readFileSync(program, 'utf8');
  const changed = text.replace("from 'ws';", "from 'rfc6455/ws';");
  expect(changed).not.toBe(text);
  const other = new URL(`program-${process.pid}.mjs`, import.meta.url);
  writeFileSync(other, changed);
  onTestFinished(() => rmSync(other));
  const print = async (file: URL): Promise<string> =>
    (await run(process.execPath, [fileURLToPath(file)], { timeout: 25_000 })).stdout;
  const expected = await print(program);
  expect(expected.split('\n')).toEqual([
    '401 token',
    'WebSocket was closed before the connection was established',
    'ada: hello',
    'bob left with 1006 ',
    'bob does not answer pings: 1006',
    'ada left with 1000 bye',
    '',
  ]);
  expect(await print(other)).toBe(expected);
});
