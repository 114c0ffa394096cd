/**
 * The messages that the processes of a node:cluster send each other for a bus. The channel carries JSON, so the bytes of a published
 * message are sent as base64.
 */

import type { Topics } from './lost-topics.ts';

/** One message of the channel. `bus` is the prefix of the bus that the message belongs to. */
export type ClusterMessage =
  /**
   * A worker sends this message when it subscribes or unsubscribes. The primary confirms a subscription: it sends the same message back.
   */
  | { readonly bus: string; readonly kind: 'subscribe' | 'unsubscribe'; readonly pattern: string }
  /** Carries a published message. Both workers and the primary send this message. */
  | { readonly bus: string; readonly kind: 'message'; readonly topic: string; readonly bytes: string }
  /** Says that messages to these topics were not sent. Both workers and the primary send this message. */
  | { readonly bus: string; readonly kind: 'gap'; readonly topics: Topics }
  /** The primary sends this message when its bus is created. A worker that has already subscribed then subscribes again. */
  | { readonly bus: string; readonly kind: 'hello' };

/**
 * Checks a value that came over the channel.
 * @returns the value if it is a message of this bus, otherwise null. The program may send its own messages on the same channel
 */
export function readClusterMessage(value: unknown, bus: string): ClusterMessage | null {
  if (typeof value !== 'object' || value === null) return null;
  const message = value as ClusterMessage;
  return message.bus === bus && typeof message.kind === 'string' && isComplete(message) ? message : null;
}

function isComplete(message: ClusterMessage): boolean {
  switch (message.kind) {
    case 'subscribe':
    case 'unsubscribe':
      return typeof message.pattern === 'string';
    case 'message':
      return typeof message.topic === 'string' && typeof message.bytes === 'string';
    case 'gap':
      return message.topics === null || Array.isArray(message.topics);
    default:
      return message.kind === 'hello';
  }
}
