/** Our client for the bench. All options are defaults, except for the limit of the message size. */
import { connect } from 'rfc6455';
import { measureClient } from './measure.js';

measureClient((url, onMessage) =>
  connect(url, { maxMessageSize: 64 * 1024 * 1024, handlers: { message: onMessage } }),
);
