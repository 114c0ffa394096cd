/**
 * `npm run test:ws-suite -- FOLDER`: runs the tests of the package `ws` with `rfc6455/ws` in place of `ws`. FOLDER is a checkout of `ws`
 * outside this repository, with its dependencies installed. Without FOLDER, the script runs no tests. docs/from-ws.md lists the tests that
 * fail, and the reasons.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [folder, ...more] = process.argv.slice(2);
if (folder === undefined || !existsSync(join(folder, 'test', 'websocket.test.js'))) {
  console.log('skipped: pass the folder of a checkout of github.com/websockets/ws');
  process.exit(0);
}
const mocha = join(resolve(folder), 'node_modules', 'mocha', 'bin', 'mocha');
if (!existsSync(mocha)) {
  console.error(`run "npm install" in ${folder} first: its tests need mocha`);
  process.exit(2);
}
const preload = fileURLToPath(new URL('ws-suite-preload.cjs', import.meta.url));
const files = ['websocket', 'websocket-server', 'create-websocket-stream'].map((name) =>
  join('test', `${name}.test.js`),
);
const { status } = spawnSync(process.execPath, [mocha, '--require', preload, '--exit', ...more, ...files], {
  cwd: folder,
  stdio: 'inherit',
});
process.exit(status ?? 1);
