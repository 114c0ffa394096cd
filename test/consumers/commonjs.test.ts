/**
 * Tests the package with tools that cannot `require` ES modules, or that do not read `exports`. These tools are Jest, and TypeScript 5.4 or
 * later with the resolution `node10`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compilerOptions, echoTest, everyEntry, Project } from './project.ts';

const manifest = '{ "name": "consumer", "private": true, "type": "commonjs" }';

describe.each(['5.4.5', '5.9.3', '6.0.3', '7.0.2'])('TypeScript %s in a CommonJS project', (version) => {
  const project = new Project({ 'package.json': manifest, 'index.ts': everyEntry });
  beforeAll(() => project.install(`typescript@${version}`, '@types/node@20'));
  afterAll(() => project.remove());

  // TypeScript 6 deprecates `node10`, and TypeScript 7 removes it. From TypeScript 6 on, `bundler` can be used with CommonJS.
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
  ])(
    'with module %s and moduleResolution %s, the compiler accepts all entry points, and the compiled program runs',
    async (module, resolution, more) => {
      project.write('tsconfig.json', compilerOptions(module, resolution, more));
      const compiler = 'node_modules/typescript/bin/tsc';
      expect(await project.node(compiler, '-p', 'tsconfig.json')).toEqual({ code: 0, output: '' });
      if ('noEmit' in more) return;
      // The compiled program also runs on a Node.js that cannot require ES modules.
      for (const flag of ['--no-warnings', '--no-experimental-require-module']) {
        expect(await project.node(flag, 'out/index.js')).toEqual({ code: 0, output: 'function\n' });
      }
    },
  );
});

describe('Jest', () => {
  const project = new Project({ 'package.json': manifest, 'echo.test.js': echoTest });
  beforeAll(() => project.install('jest@30'));
  afterAll(() => project.remove());

  test('Jest runs a test that requires the package', async () => {
    const { code, output } = await project.node('node_modules/jest/bin/jest.js', '--detectOpenHandles');
    expect(output).toMatch(/Tests:\s+1 passed, 1 total/);
    expect(output).not.toMatch(/open handle/);
    expect(code).toBe(0);
  });
});
