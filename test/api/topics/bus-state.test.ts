/** Tests of the state of a bus: each change is reported once, to the listener that was set last. */
import { expect, test } from 'vitest';
import { BusState } from '../../../src/api/topics/bus-state.ts';

function setUp() {
  const state = new BusState();
  const reports: boolean[] = [];
  return { state, reports, listen: () => state.listen((up) => void reports.push(up)) };
}

test('a bus reports only changes of its state to the listener', () => {
  const { state, reports, listen } = setUp();
  listen();
  for (const up of [true, false, false, true, true]) state.set(up);
  expect(reports).toEqual([false, true]);
  expect(state.isUp).toBe(true);
});

test('a listener that is set while the engine of the bus cannot be reached is notified once', async () => {
  const { state, reports, listen } = setUp();
  state.set(false);
  listen();
  expect(reports).toEqual([]);
  await Promise.resolve();
  expect(reports).toEqual([false]);
});

test('if the engine is back before the listener is notified of the loss, the listener receives only the new state', async () => {
  const { state, reports, listen } = setUp();
  state.set(false);
  listen();
  state.set(true);
  await Promise.resolve();
  expect(reports).toEqual([true]);
});

test('a new listener of the state replaces the old one, and after `close` no listener is called', async () => {
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
