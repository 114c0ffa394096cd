// Loaded by ws-suite.js before the tests of `ws`. If a test requires the package `ws`, it gets our package. If a test requires an internal
// file of `ws`, it gets our equivalent code. Some internal files, such as the Receiver, have no equivalent.
const Module = require('node:module');
const { join } = require('node:path');
const { Buffer } = require('node:buffer');

const dist = join(__dirname, '..', 'dist');
const WebSocket = require(join(dist, 'ws.js'));
const eventTarget = require(join(dist, 'api', 'ws', 'event-target.js'));
const { EMPTY_BUFFER } = require(join(dist, 'api', 'ws', 'data.js'));
const { serializeFrame } = require(join(dist, 'protocol.js'));

/** Builds the frames that a test writes directly to a socket. */
const Sender = {
  /** @param {Uint8Array} payload @param {{ fin: boolean, rsv1?: boolean, opcode: number, mask: boolean }} options */
  frame: (payload, { fin, rsv1 = false, opcode, mask }) => [
    Buffer.from(serializeFrame({ fin, rsv1, opcode, payload }, mask ? 'client' : 'server')),
  ],
};

/** @type {Record<string, unknown>} */
const replaced = {
  '..': WebSocket,
  '../': WebSocket,
  '../lib/stream': WebSocket.createWebSocketStream,
  '../lib/sender': Sender,
  '../lib/event-target': eventTarget,
  '../lib/constants': {
    EMPTY_BUFFER,
    GUID: '258EAFA5-E914-47DA-95CA-C5AB0DC85B11',
    hasBlob: true,
    kListener: eventTarget.kListener,
    NOOP: () => {},
  },
};

/** @type {{ _load: (request: string, parent: { filename?: string } | undefined, isMain: boolean) => unknown }} */
const loader = /** @type {never} */ (Module);
const load = loader._load;
loader._load = (request, parent, isMain) =>
  parent?.filename?.endsWith('.test.js') && Object.hasOwn(replaced, request)
    ? replaced[request]
    : load(request, parent, isMain);
