/**
 * Tests the types of the clients from npm. TypeScript accepts these clients as arguments of a bus, although this package does not depend on
 * their packages.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Project } from '../consumers/project.ts';
import { packages } from './project.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const project = new Project({
  'package.json': '{ "private": true, "type": "module" }',
  'index.ts': `
    import { jetstreamManager } from '@nats-io/jetstream';
    import { connect } from '@nats-io/transport-node';
    import { Redis } from 'ioredis';
    import { createClient } from 'redis';
    import { NatsBus, RedisBus, Topics } from 'rfc6455/topics';

    const connection = await connect();
    const jetstream = await jetstreamManager(connection);
    export const topics = [
      new Topics({ bus: new RedisBus(createClient(), { history: { size: 10 } }) }),
      new Topics({ bus: new RedisBus(new Redis()) }),
      new Topics({ bus: new NatsBus(connection) }),
      new Topics({ bus: new NatsBus(connection, { history: { jetstream, size: 10, ttl: 60_000 } }) }),
    ];
    // @ts-expect-error A history in JetStream needs the JetStream manager.
    new NatsBus(connection, { history: { size: 10 } });
  `,
});
beforeAll(async () => {
  await project.install(...packages);
});
afterAll(() => project.remove());

test('TypeScript accepts clients of redis, ioredis and @nats-io, and a JetStream manager, as arguments of the buses', async () => {
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules', '@types')],
    strict: true,
    exactOptionalPropertyTypes: true,
    // The declarations of the other packages are not checked.
    skipLibCheck: true,
    noEmit: true,
  };
  project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['index.ts'] }));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  expect(await project.node(compiler, '-p', 'tsconfig.json')).toEqual({ code: 0, output: '' });
});
