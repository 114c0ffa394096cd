/** Tests `ClusterBus`, which connects the processes of node:cluster. The cluster is simulated in memory. */
import { describe, expect, test, vi } from 'vitest';
import { ClusterBus } from '../../../src/api/topics/cluster-bus.ts';
import { fakeCluster } from './fake-cluster.ts';
import { Recorder, turns } from './recorder.ts';

function setUp(size = 2, options = {}) {
  const { primary, workers } = fakeCluster(size);
  const first = new ClusterBus(primary, options);
  const buses = workers.map(({ cluster }) => new ClusterBus(cluster, options));
  const close = async (): Promise<void> => {
    for (const bus of [...buses, first]) await bus.close();
  };
  return { primary: first, workers, buses, close, lines: [] as string[] };
}

describe('messages', () => {
  test('if any process publishes a message, each process that has subscribed gets the message once', async () => {
    const { primary, buses, close, lines } = setUp();
    const all = [primary, ...buses];
    for (const [index, bus] of all.entries()) {
      await bus.subscribe('room/1', new Recorder(lines, `${index}= `));
      await bus.subscribe('room/**', new Recorder(lines, `${index}** `));
    }
    for (const [index, bus] of all.entries()) await bus.publish('room/1', Buffer.from(`from ${index}`));
    await turns();
    const expected = all.flatMap((_, to) =>
      all.flatMap((__, from) => [`${to}= room/1 from ${from}`, `${to}** room/1 from ${from}`]),
    );
    expect(lines.sort()).toEqual(expected.sort());
    await close();
  });

  test('the messages of one publisher arrive over a ClusterBus in order and with unchanged bytes', async () => {
    const { buses, close, lines } = setUp();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const received: Uint8Array[] = [];
    await buses[1]!.subscribe('a', new Recorder(lines));
    await buses[1]!.subscribe('bytes', { message: (_, all) => received.push(all), gap: () => {} });
    for (let i = 0; i < 50; i++) void buses[0]!.publish('a', Buffer.from(String(i)));
    await buses[0]!.publish('bytes', bytes);
    await turns();
    expect(lines).toEqual(Array.from({ length: 50 }, (_, i) => `a ${i}`));
    expect(received.map((all) => Buffer.from(all))).toEqual([bytes]);
    await close();
  });

  test('a ClusterBus does not send a message to a worker that has not subscribed or has unsubscribed', async () => {
    const { primary, buses, workers, close } = setUp();
    const seen: unknown[] = [];
    workers[1]!.atWorker.on('message', (message) => seen.push(message));
    await buses[1]!.subscribe('a', new Recorder());
    await buses[1]!.unsubscribe('a');
    await turns();
    seen.length = 0;
    await primary.publish('a', Buffer.from('m'));
    await buses[0]!.publish('b', Buffer.from('m'));
    await turns();
    expect(seen).toEqual([]);
    await close();
  });

  test('a ClusterBus ignores the messages of a bus with another prefix and other messages of the program', async () => {
    const { primary, workers, close, lines } = setUp();
    await primary.subscribe('**', new Recorder(lines));
    const other = new ClusterBus(workers[0]!.cluster, { prefix: 'other' });
    void other.publish('a', Buffer.from('m'));
    for (const message of [null, 'text', {}, { bus: 'rfc6455' }, { bus: 'rfc6455', kind: 'message' }])
      workers[0]!.worker.send(message as never, () => {});
    await turns();
    expect(lines).toEqual([]);
    await other.close();
    await close();
  });
});

describe('lost messages', () => {
  test('if a worker does not read, messages beyond `maxWaiting` are not sent, and a gap is reported before later messages', async () => {
    const { primary, buses, workers, close, lines } = setUp(1, { maxWaiting: 20 });
    await buses[0]!.subscribe('a', new Recorder(lines));
    await buses[0]!.subscribe('b', new Recorder(lines, 'unconcerned '));
    workers[0]!.atPrimary.isStopped = true;
    for (const text of ['one', 'two', 'three', 'four', 'five', 'six'])
      void primary.publish('a', Buffer.from(text));
    workers[0]!.atPrimary.resume();
    await turns();
    void primary.publish('a', Buffer.from('later'));
    await turns();
    // In base64, the six messages have 4, 4, 8, 8, 8 and 4 bytes. At most 20 bytes may wait, so two messages are lost.
    expect(lines).toEqual(['a one', 'a two', 'a three', 'gap', 'a six', 'a later']);
    await close();
  });

  test('if the primary does not read, `publish` of a worker rejects, and other processes are notified of a gap', async () => {
    const { buses, workers, close, lines } = setUp(2, { maxWaiting: 8 });
    await buses[1]!.subscribe('a', new Recorder(lines));
    workers[0]!.atWorker.isStopped = true;
    const first = buses[0]!.publish('a', Buffer.from('one'));
    const second = buses[0]!.publish('a', Buffer.from('two'));
    await expect(buses[0]!.publish('a', Buffer.from('three'))).rejects.toThrow('too many bytes');
    workers[0]!.atWorker.resume();
    await first;
    await second;
    await turns();
    expect(lines).toEqual(['a one', 'a two', 'gap']);
    await close();
  });

  test('the primary sends no messages to a worker that has ended', async () => {
    const { primary, buses, workers, close, lines } = setUp();
    await buses[0]!.subscribe('a', new Recorder());
    await buses[1]!.subscribe('a', new Recorder(lines));
    workers[0]!.end();
    const send = vi.spyOn(workers[0]!.atPrimary, 'send');
    await primary.publish('a', Buffer.from('m'));
    await turns();
    expect(lines).toEqual(['a m']);
    expect(send).not.toHaveBeenCalled();
    await close();
  });

  test('if the primary ends, the bus of a worker reports the lost connection, and waiting commands reject', async () => {
    const { buses, workers, close } = setUp();
    const states: boolean[] = [];
    buses[0]!.onState((up) => states.push(up));
    const waiting = buses[0]!.subscribe('a', new Recorder());
    workers[0]!.end();
    await expect(waiting).rejects.toThrow('the primary of the cluster has disconnected');
    await expect(buses[0]!.subscribe('b', new Recorder())).rejects.toThrow('has disconnected');
    await expect(buses[0]!.publish('a', Buffer.from('m'))).rejects.toThrow('closed');
    expect(states).toEqual([false]);
    await close();
  });
});

test('if the primary creates its ClusterBus after its workers, this bus still receives the subscriptions of the workers', async () => {
  const { primary, workers } = fakeCluster(1);
  const bus = new ClusterBus(workers[0]!.cluster);
  const recorder = new Recorder();
  const waiting = bus.subscribe('a', recorder);
  await turns();
  const late = new ClusterBus(primary);
  await waiting;
  await late.publish('a', Buffer.from('m'));
  await turns();
  expect(recorder.lines).toEqual(['a m']);
  await bus.close();
  await late.close();
});

test('the constructor of ClusterBus refuses a value that is not a cluster, and a process that is not in a cluster', () => {
  expect(() => new ClusterBus({} as never)).toThrow(
    'cluster is an object, not the default export of node:cluster',
  );
  const { workers } = fakeCluster(1);
  const alone = Object.assign(Object.create(workers[0]!.cluster), { worker: undefined });
  expect(() => new ClusterBus(alone)).toThrow('neither the primary nor a worker');
});
