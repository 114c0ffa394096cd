/** Tools that do not know `require` of ES modules, or `exports` at all: Jest, and TypeScript from 5.4 on with `node10`. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compilerOptions, echoTest, everyEntry, Project } from './project.ts';

const manifest = '{ "name": "consumer", "private": true, "type": "commonjs" }';

describe.each(['5.4.5', '5.9.3', '6.0.3', '7.0.2'])('TypeScript %s', (version) => {
  const project = new Project({ 'package.json': manifest, 'index.ts': everyEntry });
  beforeAll(() => project.install(`typescript@${version}`, '@types/node@20'));
  afterAll(() => project.remove());

  // Deprecated in 6, removed in 7: there `bundler` goes with CommonJS.
  const [major = 0] = version.split('.').map(Number);
  const older: [string, string, object][] =
    major >= 7 ? [] : [['commonjs', 'node10', major === 6 ? { ignoreDeprecations: '6.0' } : {}]];
  const newer: [string, string, object][] = major >= 6 ? [['commonjs', 'bundler', {}]] : [];
  test.each<[string, string, object]>([
    ...older,
    ...newer,
    ['node16', 'node16', {}],
    ['nodenext', 'nodenext', {}],
    ['esnext', 'bundler', { noEmit: true }],
  ])('the module %s with the resolution %s', async (module, resolution, more) => {
    project.write('tsconfig.json', compilerOptions(module, resolution, more));
    const compiler = 'node_modules/typescript/bin/tsc';
    expect(await project.node(compiler, '-p', 'tsconfig.json')).toEqual({ code: 0, output: '' });
    if ('noEmit' in more) return;
    // And what was compiled runs, also if Node may not require ES modules.
    for (const flag of ['--no-warnings', '--no-experimental-require-module']) {
      expect(await project.node(flag, 'out/index.js')).toEqual({ code: 0, output: 'function\n' });
    }
  });
});

describe('Jest', () => {
  const project = new Project({ 'package.json': manifest, 'echo.test.js': echoTest });
  beforeAll(() => project.install('jest@30'));
  afterAll(() => project.remove());

  test('runs tests of programs that require the package', async () => {
    const { code, output } = await project.node('node_modules/jest/bin/jest.js', '--detectOpenHandles');
    expect(output).toMatch(/Tests:\s+1 passed, 1 total/);
    expect(output).not.toMatch(/open handle/);
    expect(code).toBe(0);
  });
});
