/** Tests `BusState`, which reports to a listener whether the server of the bus (for example Redis) can be reached. */
import { expect, test } from 'vitest';
import { BusState } from '../../../src/api/topics/bus-state.ts';

function setUp() {
  const state = new BusState();
  const reports: boolean[] = [];
  return { state, reports, listen: () => state.listen((up) => void reports.push(up)) };
}

test('the listener is called only for changes of the state', () => {
  const { state, reports, listen } = setUp();
  listen();
  for (const up of [true, false, false, true, true]) state.set(up);
  expect(reports).toEqual([false, true]);
  expect(state.isUp).toBe(true);
});

test('if a listener is set while the connection is lost, the listener is notified once', async () => {
  const { state, reports, listen } = setUp();
  state.set(false);
  listen();
  expect(reports).toEqual([]);
  await Promise.resolve();
  expect(reports).toEqual([false]);
});

test('if the connection is back before the listener was notified of the loss, the listener receives only the new state', async () => {
  const { state, reports, listen } = setUp();
  state.set(false);
  listen();
  state.set(true);
  await Promise.resolve();
  expect(reports).toEqual([true]);
});

test('a new listener replaces the old listener, and after `close` no listener is called', async () => {
  const { state, reports, listen } = setUp();
  const old: boolean[] = [];
  state.listen((up) => void old.push(up));
  state.set(false);
  listen();
  await Promise.resolve();
  state.close();
  state.set(true);
  expect(old).toEqual([false]);
  expect(reports).toEqual([false]);
});
