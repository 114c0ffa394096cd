/** Tests the paths of the driver, such as /runCase. Clients that were written for Autobahn use these paths. */
import { once } from 'node:events';
import { get } from 'node:http';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { casesFor, Driver } from '../../conformance/index.ts';

const reports: string[] = [];
let stopped = 0;
let driver: Driver;
let url = '';

beforeEach(async () => {
  reports.length = 0;
  stopped = 0;
  driver = new Driver({
    cases: casesFor('client', { suite: 'autobahn' }),
    full: false,
    timeFactor: 1,
    commandOf: (id) => `again ${id}`,
    onReports: (agent) => void reports.push(agent),
    onStop: () => {
      stopped += 1;
    },
  });
  const { port } = await driver.listen({ port: 0, host: '127.0.0.1' });
  url = `ws://127.0.0.1:${port}`;
});
afterEach(() => driver.close());

/** Connects to a path, and collects the messages until the connection ends. @param echo true if to echo each message */
async function talk(path: string, echo = false): Promise<{ texts: string[]; code: number }> {
  const socket = new WebSocket(`${url}${path}`);
  const texts: string[] = [];
  socket.on('message', (data, isBinary) => {
    texts.push(String(data));
    if (echo) socket.send(data, { binary: isBinary });
  });
  // A case may send bytes that are invalid for the library ws.
  socket.on('error', () => {});
  const code = await new Promise<number>((resolve) => socket.on('close', resolve));
  return { texts, code };
}

/** Sends a request that is no upgrade, or an upgrade that the driver refuses. */
async function fetchStatus(path: string, headers: Record<string, string> = {}): Promise<[number, string]> {
  const request = get(`${url.replace('ws', 'http')}${path}`, { headers, agent: false });
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = await response.toArray();
  return [response.statusCode, Buffer.concat(chunks).toString()];
}
const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
};

test('/getCaseCount sends a message with only a number, and then a Close frame without a code', async () => {
  expect(await talk('/getCaseCount')).toEqual({ texts: ['517'], code: 1005 });
});

test('/getCaseInfo sends the id and the description of a case', async () => {
  const { texts } = await talk('/getCaseInfo?case=517');
  expect(JSON.parse(texts[0]!)).toEqual({
    id: '13.7.18',
    description: expect.stringMatching(/^As a client/),
  });
});

test('/runCase accepts a number or an id, and /getCaseStatus waits for the result', async () => {
  const status = talk('/getCaseStatus?case=1&agent=some%20client');
  await talk('/runCase?case=1&agent=some%20client', true);
  expect((await status).texts).toEqual(['{"behavior":"OK"}']);
  await talk('/runCase?casetuple=3.1&agent=some%20client', true);
  await driver.settled();
  const results = driver.results.get('some client')!;
  expect([...results.keys()]).toEqual(['1.1.1', '3.1']);
  expect(results.get('3.1')).toMatchObject({ behavior: 'OK', behaviorClose: 'OK', command: 'again 3.1' });
});

test('/updateReports writes the reports, and /stopServer stops the driver', async () => {
  await talk('/updateReports?agent=a');
  expect([reports, stopped]).toEqual([['a'], 0]);
  await talk('/updateReports?agent=b&shutdownOnComplete=true');
  await vi.waitUntil(() => stopped === 1);
  expect(reports).toEqual(['a', 'b']);
  await talk('/stopServer');
  await vi.waitUntil(() => stopped === 2);
});

test.each([
  '/runCase?case=518&agent=a',
  '/runCase?case=0&agent=a',
  '/runCase?case=1',
  '/runCase?agent=a',
  '/runCase?case=1&agent=a&agent=b',
  '/runCase?case=1&casetuple=1.1.1&agent=a',
  '/runCase?casetuple=1.1.99&agent=a',
  '/updateReports',
])('the driver answers the invalid request %s with 500', async (path) => {
  expect((await fetchStatus(path, upgrade))[0]).toBe(500);
  expect(driver.results.size).toBe(0);
});

test('for a GET without an upgrade, the driver sends a page with the results so far', async () => {
  await talk('/runCase?case=1&agent=%3Cb%3E', true);
  const [status, page] = await fetchStatus('/');
  expect(status).toBe(200);
  expect(page).toContain('&lt;b&gt;: 1 of 1 cases passed');
});

test('on any other path the driver executes the commands that the client sends, such as "echo" and "sendframes"', async () => {
  const socket = new WebSocket(`${url}/command`);
  const texts: string[] = [];
  socket.on('message', (data) => texts.push(String(data)));
  await once(socket, 'open');
  socket.send('["echo", {"payload": "ab", "payload_len": 5}]');
  socket.send(
    '["sendframes", [["sendframe", {"opcode": 1, "payload": "x", "fin": false}], ["sendframe", {"opcode": 0, "payload": "y", "chopsize": 1}]]]',
  );
  socket.send('not JSON');
  socket.send('["close", {"code": 3001, "reason": "bye"}]');
  const [code, reason] = await once(socket, 'close');
  expect(texts).toEqual(['ababa', 'xy']);
  expect([code, String(reason)]).toEqual([3001, 'bye']);
});
