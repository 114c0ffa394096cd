/**
 * Handles connections of clients on a path that has no other meaning. The client sends commands as JSON arrays. A command says what the
 * judge (this test program) has to send.
 */

import type { FrameSpec } from '../wire/frame.ts';
import type { Link } from './link.ts';
import { openAsServer } from './opening.ts';

/** The argument of a command such as `["sendframe", {…}]`. */
interface Command {
  readonly opcode?: number;
  readonly payload?: string;
  readonly payload_len?: number;
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly chopsize?: number | null;
  readonly code?: number;
  readonly reason?: string;
}

/** The milliseconds for which a client may send nothing. */
const PATIENCE = 60_000;

/** Executes the commands of the client until the connection ends. */
export async function commandMode(link: Link, request: string): Promise<void> {
  let done = 0;
  await openAsServer(link, request);
  while (!link.isOver) {
    await link.until(() => link.events.length > done || link.isOver, PATIENCE);
    if (link.events.length === done) break;
    const event = link.events[done++]!;
    if (event.type === 'message' && event.kind === 'text') await obey(link, String(event.payload));
  }
  link.close(1000);
  await link.until(() => link.receivedClose !== null || link.peerEnded, link.clock.closing);
  link.endTcp();
  await link.until(() => link.gone, link.clock.ending);
  link.drop(null);
}

async function obey(link: Link, text: string): Promise<void> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return;
  }
  if (!Array.isArray(parsed)) return;
  const [name, body = {}] = parsed as [string, Command | readonly (readonly [string, Command])[]];
  if (name === 'sendframes' && Array.isArray(body)) {
    for (const one of body as readonly unknown[])
      await frame(link, (Array.isArray(one) ? one[1] : one) as Command);
    return;
  }
  const command = body as Command;
  if (name === 'sendframe') await frame(link, command);
  if (name === 'echo') await frame(link, { ...command, opcode: 1 });
  if (name === 'close') link.close(command.code ?? null, command.reason);
}

async function frame(link: Link, command: Command): Promise<void> {
  const { opcode = 1, payload = '', payload_len, fin = true, rsv = 0, chopsize } = command;
  const unit = Buffer.from(payload);
  const bytes = payload_len === undefined || unit.length === 0 ? unit : Buffer.alloc(payload_len, unit);
  const spec: FrameSpec = { opcode, payload: bytes, fin, rsv, key: null };
  const encoded = link.encode(spec);
  if (typeof chopsize === 'number' && chopsize > 0) await link.sendChopped(encoded, chopsize);
  else link.send(encoded);
  link.flush();
}
