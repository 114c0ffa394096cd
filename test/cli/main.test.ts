import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { root, run } from './process.ts';

describe('the program `rfc6455`', () => {
  test.each([['--help'], ['-h'], ['help']])(
    'the argument %s prints the usage with all commands',
    async (option) => {
      const { exit, stdout, stderr } = await run([option]);
      expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
      expect(stdout).toContain('usage: rfc6455 <command>');
      expect(stdout).toMatch(/^ {2}serve /m);
      expect(stdout).toMatch(/^ {2}connect /m);
    },
  );

  test.each([['--version'], ['-v']])('the argument %s prints the version of the package', async (option) => {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
    expect(await run([option])).toEqual({ exit: 0, stdout: `${version}\n`, stderr: '' });
  });

  test.each([['serve'], ['connect']])('%s --help prints the options of the command', async (command) => {
    const { exit, stdout, stderr } = await run([command, '--help']);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
    expect(stdout).toContain(`usage: rfc6455 ${command}`);
    expect(stdout).toMatch(/^ {2}--help /m);
  });

  test.each([
    [[], 'which command? serve, connect, conform or 4d; see rfc6455 --help'],
    [['toString'], "there is no command 'toString'; see rfc6455 --help"],
    [['\x1b[31m'], "there is no command '\\x1b[31m'; see rfc6455 --help"],
    [['serve', '--loud'], "unknown option '--loud'; see rfc6455 serve --help"],
    [['connect'], 'the URL is missing; see rfc6455 connect --help'],
  ])('the arguments %j exit with 2 and print one line on stderr', async (args, line) => {
    expect(await run(args)).toEqual({ exit: 2, stdout: '', stderr: `rfc6455: ${line}\n` });
  });
});
