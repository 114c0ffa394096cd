/**
 * The protocol without a socket. `rfc6455/protocol` converts received bytes to events, and converts calls to bytes. The application
 * provides the transport. In this example, the transport is two arrays in memory. It could also be a serial line or a QUIC stream.
 *
 *     node examples/sans-io.js
 */
import {
  acceptRequest,
  buildRequest,
  Endpoint,
  HttpHeadParser,
  parseTarget,
  verifyRequest,
  verifyResponse,
} from 'rfc6455/protocol';

// ---- The opening handshake is text: a request and an answer. Each end checks the text of the other end. ----

const target = parseTarget('ws://example.com/chat');
const subprotocols = ['chat.v1'];
const request = buildRequest(target, { subprotocols });

const received = new HttpHeadParser('request').push(Buffer.from(request.head, 'latin1'));
if (received === null) throw new Error('the head is not complete yet: push more bytes');
const remote = { address: undefined, port: undefined, secure: false };
const verified = verifyRequest({ ...received, remote }, { origins: 'same-origin' });
const accepted = acceptRequest(verified, { subprotocol: 'chat.v1' });

const response = new HttpHeadParser('response').push(Buffer.from(accepted.head, 'latin1'));
if (response === null) throw new Error('the head is not complete yet: push more bytes');
const agreed = verifyResponse(response, { key: request.key, subprotocols });
console.log(`agreed on ${agreed.subprotocol}`);

// ---- After the handshake, each end uses an Endpoint. An Endpoint writes to a ByteSink. ----

/**
 * @typedef {import('rfc6455/protocol').ByteSink} ByteSink
 * @implements {ByteSink}
 */
class Wire {
  /** The bytes on the way from one endpoint to the other endpoint. */
  pieces = /** @type {Buffer[]} */ ([]);
  isEnded = false;
  isDelivered = false;
  bufferedAmount = 0;
  blocked = false;
  #room = Buffer.alloc(0);

  /** @param {number} size */
  reserve(size) {
    this.#room = Buffer.alloc(size);
    return { buffer: this.#room, offset: 0 };
  }
  /** @param {number} size */
  commit(size) {
    this.pieces.push(this.#room.subarray(0, size));
  }
  /** @param {Uint8Array} payload @param {number} size */
  append(payload, size) {
    if (size > 0) this.commit(size);
    // The bytes are copied, because the sender may reuse the payload, and the receiver may change the bytes.
    this.pieces.push(Buffer.from(payload));
  }
  closing() {
    // A real transport flushes here, and starts a timeout for the closing handshake.
  }
  end() {
    this.isEnded = true;
  }
  destroy() {
    this.pieces = [];
    this.isEnded = true;
  }
  resumeReading() {
    // If `receive` returns false, a real transport stops reading. This call tells it to read again.
  }
  /** @param {(error: Error | null) => void} done */
  whenSent(done) {
    // In memory, all bytes are sent immediately. A real transport calls `done` when the network has accepted the bytes.
    done(null);
  }
}

/** @param {string} name @returns {import('rfc6455/protocol').EndpointEvents} */
function events(name) {
  return {
    onText: (text) => console.log(`${name} received ${JSON.stringify(text)}`),
    onBinary: (payload) => console.log(`${name} received ${payload.length} bytes`),
    onFragment: () => console.log(`${name} received a fragment`),
    onPing: (payload) => console.log(`${name} answered a ping: ${payload}`),
    onPong: (payload) => console.log(`${name} received a pong: ${payload}`),
    onClosing: (byPeer) => console.log(`${name}: closing, by ${byPeer ? 'the peer' : 'us'}`),
    onClose: ({ code, reason, wasClean }) =>
      console.log(`${name} closed: ${code} "${reason}" clean: ${wasClean}`),
    onError: (error) => console.log(`${name} failed: ${error.message}`),
  };
}

const [clientOut, serverOut] = [new Wire(), new Wire()];
const maxMessageSize = 65_536;
const client = new Endpoint(clientOut, events('client'), { role: 'client', maxMessageSize });
const server = new Endpoint(serverOut, events('server'), { role: 'server', maxMessageSize });

/** Delivers the waiting bytes of a wire to an endpoint. @param {Wire} wire @param {Endpoint} to */
function deliver(wire, to) {
  const pieces = wire.pieces.splice(0);
  if (pieces.length > 0) {
    to.receive(Buffer.concat(pieces));
    return true;
  }
  if (!wire.isEnded || wire.isDelivered) return false;
  wire.isDelivered = true;
  to.receiveEnd();
  return true;
}
function run() {
  while (deliver(clientOut, server) || deliver(serverOut, client));
}

client.sendText('hello');
client.sendText('in three frames', { fragmentSize: 5 });
server.sendBinary(new Uint8Array(10_000));
server.ping(Buffer.from('there?'));
run();

client.close(1000, 'done');
run();
// Both directions have ended, so the transport is closed. Now each endpoint calls `onClose`.
client.transportClosed();
server.transportClosed();
