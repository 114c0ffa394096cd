/** Sends a message with options or with a callback. If there are no options and no callback, `send` does not use this file. */

import type { ConnectionCore } from './connection-core.ts';
import { checkSendOptions, type Message, type SendCallback, type SendOptions, toBytes } from './message.ts';
import { describe } from './option-names.ts';

/**
 * Implements `send` with options, with a callback, or with both.
 * @returns the number of payload bytes that the message has on the network; -1 if the number is not known yet, 0 if the connection is not
 *   open
 * @throws the same errors as `Connection.send`
 */
export function sendWith(
  core: ConnectionCore,
  message: Message,
  second: SendOptions | SendCallback | undefined,
  third: SendCallback | undefined,
): number {
  const isDone = typeof second === 'function';
  const options = isDone ? null : checkSendOptions(second);
  const done = completionOf(core, isDone ? second : third);
  const data = typeof message === 'string' ? message : toBytes(message);
  if (!core.binding.isOpen) return refuse(core, done);
  const { endpoint } = core.binding;
  return typeof data === 'string'
    ? endpoint.sendText(data, options, done)
    : endpoint.sendBinary(data, options, done);
}

/** Implements `sendText`. Returns the same value as `sendWith`, and throws the same errors. */
export function sendTextWith(
  core: ConnectionCore,
  bytes: Uint8Array,
  options: SendOptions | undefined,
  done: SendCallback | undefined,
): number {
  const data = toBytes(bytes);
  const checked = checkSendOptions(options);
  const completion = completionOf(core, done);
  if (!core.binding.isOpen) return refuse(core, completion);
  return core.binding.endpoint.sendTextBytes(data, checked, completion);
}

/**
 * Is called after a message was sent.
 * @returns the result of `send`: true if the application may send more. If the connection is open and the result is false, the `drain`
 *   handler is called later
 */
export function mayGoOn(core: ConnectionCore): boolean {
  if (!core.binding.isOpen) return false;
  if (!core.binding.waitsForDrain()) return true;
  core.needsDrain = true;
  return false;
}

/** Calls `done` with null after all earlier messages have left the process. If these cannot be sent, calls `done` with an error. */
export function whenSent(core: ConnectionCore, done: SendCallback): void {
  if (core.binding.isClosed) core.refuse(done);
  else core.binding.endpoint.whenSent(core.completion(done));
}

/** Returns the payload size of the last sent message. @param size the result of the method that sent the message */
export function wireSizeOf(core: ConnectionCore, size: number): number {
  return core.binding.endpoint.sender.writer.sizeOf(size);
}

/** Checks `done`, and wraps it (see `ConnectionCore.completion`). @throws {TypeError} for a value that is not a function */
function completionOf(core: ConnectionCore, done: SendCallback | undefined): SendCallback | null {
  if (done === undefined) return null;
  if (typeof done !== 'function') throw new TypeError(`done is ${describe(done)}, not a function`);
  return core.completion(done);
}

function refuse(core: ConnectionCore, done: SendCallback | null): 0 {
  if (done !== null) core.refuse(done);
  return 0;
}
