/** What the processes of a node:cluster send each other for a bus. The channel between them carries JSON, and bytes in it are base64. */

import type { Topics } from './lost-topics.ts';

/** One message of the channel; `bus` is the prefix of the bus that it belongs to. */
export type ClusterMessage =
  /** A worker sends it: it wants what matches. The primary answers with the same. */
  | { readonly bus: string; readonly kind: 'subscribe' | 'unsubscribe'; readonly pattern: string }
  /** Both ways: a published message. */
  | { readonly bus: string; readonly kind: 'message'; readonly topic: string; readonly bytes: string }
  /** Both ways: messages to these topics were not sent. */
  | { readonly bus: string; readonly kind: 'gap'; readonly topics: Topics }
  /** The primary sends it: its bus may have been made after the worker began to subscribe. */
  | { readonly bus: string; readonly kind: 'hello' };

/** A message of this bus, or null: the program may send its own on the same channel. */
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
