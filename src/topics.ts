/**
 * Exports `Topics` and its buses, as `rfc6455/topics`. Connections subscribe to topics. A bus passes the messages of the topics to other
 * processes.
 */

// The declaration file of this module uses Buffer and node:stream, so it needs @types/node. TypeScript 6 and later
// load @types/node only if the next line is present.
/// <reference types="node" preserve="true" />

export { BroadcastChannelBus } from './api/topics/broadcast-channel-bus.ts';
export type { Bus, BusHistory, BusReceiver, HistoryMessage, HistoryPage } from './api/topics/bus.ts';
export type {
  BusOptions,
  ClusterBusOptions,
  HistoryOptions,
  NatsBusOptions,
  NatsHistoryOptions,
  RedisBusOptions,
} from './api/topics/bus-options.ts';
export { ClusterBus } from './api/topics/cluster-bus.ts';
export { MemoryBus } from './api/topics/memory-bus.ts';
export { NatsBus, type NatsClient } from './api/topics/nats-bus.ts';
export type { NatsJetStream } from './api/topics/nats-jetstream.ts';
export type { Presence, PresenceHandlers, PresenceMember } from './api/topics/presence.ts';
export type { PresenceOptions } from './api/topics/presence-options.ts';
export { RedisBus, type RedisClient } from './api/topics/redis-bus.ts';
export { TopicError, type TopicFaultCode, topicFaults } from './api/topics/topic-error.ts';
export { Topics } from './api/topics/topics.ts';
export type {
  Published,
  PublishOptions,
  SlowPolicy,
  SubscribeOptions,
  TopicsCounts,
  TopicsHandlers,
  TopicsOptions,
} from './api/topics/topics-options.ts';
