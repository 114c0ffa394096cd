/** Our client for the bench, with its defaults but for the largest message. */
import { connect } from 'rfc6455';
import { measureClient } from './measure.js';

measureClient((url, onMessage) =>
  connect(url, { maxMessageSize: 64 * 1024 * 1024, handlers: { message: onMessage } }),
);
