/** The history of a `NatsBus`. Consists of the writer, the reader, and the positions of the subscriptions. */

import type { NatsHistoryValues } from './bus-options.ts';
import { HistoryPublisher } from './history-publisher.ts';
import { HistoryTracks, type TrackedSubscription } from './history-tracks.ts';
import { NatsHistoryWriter } from './nats-history-writer.ts';
import { NatsCalls, NatsConnectionLost } from './nats-jetstream.ts';
import type { NatsBusPublisher, NatsPublishing } from './nats-publisher.ts';
import { type NatsHeaders, natsOrder, parseRepublished } from './nats-stream.ts';
import { NatsStreamReader } from './nats-stream-reader.ts';

/** The history of one bus: the messages that JetStream keeps. */
export class NatsHistory implements NatsBusPublisher {
  readonly tracks: HistoryTracks;
  readonly #calls = new NatsCalls();
  readonly #reader: NatsStreamReader;
  readonly #publisher: HistoryPublisher;
  /** The messages that NATS has neither confirmed nor refused. */
  readonly #unsettled = new Set<Promise<void>>();

  constructor(nats: NatsPublishing, prefix: string, history: NatsHistoryValues, maxWaiting: number) {
    const writer = new NatsHistoryWriter(nats, prefix, history, this.#calls);
    this.#reader = new NatsStreamReader(writer);
    this.tracks = new HistoryTracks(this.#reader, natsOrder, maxWaiting);
    this.#publisher = new HistoryPublisher(writer, maxWaiting, history.ttl);
    this.connected(true);
  }

  async publish(topic: string, _subject: string, bytes: Uint8Array): Promise<void> {
    const publishing = this.#publisher.publish(topic, bytes);
    this.#unsettled.add(publishing);
    try {
      await publishing;
    } finally {
      this.#unsettled.delete(publishing);
    }
  }

  connected(up: boolean): void {
    this.#calls.lost(new NatsConnectionLost('the connection to NATS was lost'));
    if (!up) this.tracks.disconnected();
    this.#reader.connected(up);
    this.#publisher.connected(up);
  }

  /** Passes a message to the receiver of a subscription. All messages come in the order of the history. */
  message(
    subscription: TrackedSubscription,
    topic: string,
    headers: NatsHeaders | undefined,
    bytes: Uint8Array,
  ): void {
    this.tracks.message(subscription, topic, bytes, parseRepublished(headers, bytes));
  }

  /** Settles when NATS has confirmed or refused every message. If messages cannot be sent now, settles immediately. */
  async drained(): Promise<void> {
    if (this.#publisher.isReady) await Promise.allSettled([...this.#unsettled]);
  }

  end(error: Error): void {
    this.#calls.lost(error);
    this.#reader.end(error);
    this.#publisher.end(error);
    this.tracks.end();
  }
}
