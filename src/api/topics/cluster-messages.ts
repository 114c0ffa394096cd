/**
 * The messages that processes of a node:cluster send each other for a bus. The channel carries JSON, so a published message is sent as
 * base64.
 */

import type { Topics } from './lost-topics.ts';

/** A message on the channel between two processes. `bus` is the prefix of the bus that sends the message. */
export type ClusterMessage =
  /** A worker sends this message when it subscribes or unsubscribes. To confirm a subscription, the primary sends the same message back. */
  | { readonly bus: string; readonly kind: 'subscribe' | 'unsubscribe'; readonly pattern: string }
  /** Contains a published message. Both the workers and the primary send messages of this kind. */
  | { readonly bus: string; readonly kind: 'message'; readonly topic: string; readonly bytes: string }
  /** Says that messages to these topics were not sent. Both the workers and the primary send messages of this kind. */
  | { readonly bus: string; readonly kind: 'gap'; readonly topics: Topics }
  /** The primary sends this message when it creates its bus. Each worker then sends its subscriptions again. */
  | { readonly bus: string; readonly kind: 'hello' };

/**
 * Checks a value that came over the channel.
 * @returns the value if it is a message of this bus; null for any other value, because the program may send its own messages on the channel
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
