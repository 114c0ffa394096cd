/** The reasons to refuse a topic, and the failures between processes, in one table: name → text. */

/** One fault. */
interface TopicFault {
  readonly text: string;
}

export const topicFaults = {
  WS_TOPIC_NAME: {
    text: 'the name of a topic is one or more parts separated by "/"; no part is empty, the first one does not begin with "$", and nothing in it is a control character or half a surrogate pair',
  },
  WS_TOPIC_TOO_LONG: { text: 'the name of a topic is longer, or has more parts, than the limits allow' },
  WS_TOPIC_WILDCARD: {
    text: 'wildcards are only for subscriptions with `wildcards: true`: `*` stands for one part, and `**`, as the last part, for one or more',
  },
  WS_TOPIC_LIMIT: { text: 'the connection has subscribed to as many topics as one may' },
  WS_TOPIC_RATE: { text: 'the connection subscribes more often than one may' },
  WS_TOPIC_FULL: { text: 'there are as many topics with subscribers in this process as there may be' },
  WS_TOPIC_OFFSET: {
    text: 'the offset after which a subscription continues is not one that `offsetOf` has returned',
  },
  WS_PRESENCE_FULL: { text: 'this process watches the presence of as many topics as one may' },
  WS_PRESENCE_INFO: {
    text: 'the info of a member is larger than `maxInfoSize`, or cannot be written as JSON: the member has null instead',
  },
  WS_BUS: { text: 'the bus failed' },
  WS_BUS_MESSAGE: { text: 'a message from the bus was ignored, since it is not what this library publishes' },
} as const;

export type TopicFaultCode = keyof typeof topicFaults;

/** A topic or a subscription that is refused, or a failure of the bus; `code` says which one, and `cause` is the error of the engine. */
export class TopicError extends Error {
  override readonly name = 'TopicError';
  readonly code: TopicFaultCode;

  constructor(code: TopicFaultCode, options?: ErrorOptions) {
    const { text }: TopicFault = topicFaults[code];
    const cause = options?.cause;
    super(cause instanceof Error ? `${text}: ${cause.message}` : text, options);
    this.code = code;
  }
}
