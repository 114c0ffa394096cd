/** The errors that `Topics` throws or reports. The table has a text for each code. */

interface TopicFault {
  readonly text: string;
}

export const topicFaults = {
  WS_TOPIC_NAME: {
    text: 'the name of a topic is invalid: its parts must be separated by "/" and must not be empty, it must not begin with "$", and it must not contain control characters or lone surrogates',
  },
  WS_TOPIC_TOO_LONG: {
    text: 'the name of a topic is longer than `maxTopicLength`, or has more parts than `maxTopicParts`',
  },
  WS_TOPIC_WILDCARD: {
    text: 'the name has wildcards that are not allowed: only `subscribe` with `wildcards: true` accepts `*` as a whole part, and `**` as the last part',
  },
  WS_TOPIC_LIMIT: { text: 'the connection has already subscribed to `maxTopicsPerConnection` topics' },
  WS_TOPIC_RATE: { text: 'the connection subscribes more often than `maxSubscribeRate` allows' },
  WS_TOPIC_FULL: { text: 'this process already has `maxTopics` topics with subscribers' },
  WS_TOPIC_OFFSET: {
    text: 'the value of the option `after` is not an offset that `offsetOf` has returned',
  },
  WS_PRESENCE_FULL: { text: 'this process already watches the presence of `presence.maxTopics` topics' },
  WS_PRESENCE_INFO: {
    text: 'the info of a member is larger than "presence.maxInfoSize", or cannot be written as JSON, so it was replaced by null',
  },
  WS_BUS: { text: 'the bus failed' },
  WS_BUS_MESSAGE: {
    text: 'a message from the bus was ignored, because it is not a valid message of this library',
  },
} as const;

export type TopicFaultCode = keyof typeof topicFaults;

/**
 * The error of `Topics`. It is thrown if a topic or a subscription is refused, and reported if the bus fails. `code` says what happened. If
 * another error was the reason, such as an error of the bus, `cause` is that error.
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
