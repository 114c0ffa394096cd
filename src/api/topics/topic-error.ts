/** The errors that `Topics` throws or reports: refused topics, and failures of the bus. This table has a text for each code. */

interface TopicFault {
  readonly text: string;
}

export const topicFaults = {
  WS_TOPIC_NAME: {
    text: 'the name of a topic is invalid: it must have one or more parts separated by "/", without an empty part, must not begin with "$", and must not contain control characters or lone surrogates',
  },
  WS_TOPIC_TOO_LONG: {
    text: 'the name of a topic is longer than `maxTopicLength`, or has more parts than `maxTopicParts`',
  },
  WS_TOPIC_WILDCARD: {
    text: 'the name has wildcards: only `subscribe` with `wildcards: true` accepts them, where `*` stands for one part, and `**`, as the last part, for one or more',
  },
  WS_TOPIC_LIMIT: { text: 'the connection has already subscribed to `maxTopicsPerConnection` topics' },
  WS_TOPIC_RATE: { text: 'the connection subscribes more often than `maxSubscribeRate` allows' },
  WS_TOPIC_FULL: { text: 'this process already has `maxTopics` topics with subscribers' },
  WS_TOPIC_OFFSET: {
    text: 'the offset in the option `after` is not one that `offsetOf` has returned',
  },
  WS_PRESENCE_FULL: { text: 'this process already watches the presence of `presence.maxTopics` topics' },
  WS_PRESENCE_INFO: {
    text: 'the info of a member is larger than `presence.maxInfoSize`, or cannot be written as JSON: the member has null instead',
  },
  WS_BUS: { text: 'the bus failed' },
  WS_BUS_MESSAGE: {
    text: 'a message from the bus was ignored, since it is not a valid message of this library',
  },
} as const;

export type TopicFaultCode = keyof typeof topicFaults;

/**
 * The error for a topic or a subscription that was refused, and for a failure of the bus. `code` says what happened. If another error is
 * the reason, such as an error of the bus, `cause` has this error.
 */
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
