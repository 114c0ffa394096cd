/**
 * Measures the peak memory that one compressed message needs. Run it as a separate process: `node --expose-gc peak.js <engine>
 * <synchronous> <limit>`. It reads JSON from stdin: the payload of the message, and the payloads of small messages that come first, all in
 * base64. It prints JSON: the close code or 'delivered', and the growth of the resident set up to its peak, in bytes. It needs Linux,
 * because only the kernel of Linux can reset the peak.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CompressionBudget } from '../../dist/deflate/budget.js';
import { DeflateCodec } from '../../dist/deflate/codec.js';
import { Endpoint } from '../../dist/frame/endpoint.js';

const [, , engine = 'auto', synchronous = 'false', size = '1048576'] = process.argv;
const limit = Number(size);
const direction = { windowBits: 15, takeover: true };

/** @param {string} name @returns {number} bytes */
function status(name) {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** @param {Buffer} payload @param {number} maxMessageSize @returns {Promise<string>} the code of the error */
function receive(payload, maxMessageSize) {
  const codec = new DeflateCodec(
    direction,
    direction,
    // @ts-expect-error: `engine` is any text of the command line
    { threshold: 0, level: 6, engine, synchronous: synchronous === 'true', budget: new CompressionBudget() },
    0,
  );
  const slab = Buffer.alloc(200);
  return new Promise((resolve) => {
    const nothing = () => {};
    const events = { onText: nothing, onFragment: nothing, onPing: nothing, onPong: nothing };
    const sink = { closing: nothing, end: nothing, destroy: nothing, append: nothing, commit: nothing };
    const others = { resumeReading: nothing, whenSent: nothing };
    const endpoint = new Endpoint(
      { ...sink, ...others, reserve: () => ({ buffer: slab, offset: 0 }), bufferedAmount: 0, blocked: false },
      {
        ...events,
        onBinary: () => resolve('delivered'),
        onClosing: nothing,
        onClose: nothing,
        /** @param {any} error */
        onError: (error) => resolve(String(error.closeCode)),
      },
      { role: 'client', maxMessageSize, codec },
    );
    const header = Buffer.from([0xc2, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
    header.writeUInt32BE(payload.length, 6);
    if (payload.length < 65_536) {
      header[1] = 126;
      header.writeUInt16BE(payload.length, 2);
    }
    const head = payload.length < 65_536 ? header.subarray(0, 4) : header;
    endpoint.receive(Buffer.concat([head, payload]));
  });
}

/** @type {{ payload: string, small: string[] }} */
const input = JSON.parse(readFileSync(0, 'utf8'));
const payload = Buffer.from(input.payload, 'base64');
const small = input.small.map((text) => Buffer.from(text, 'base64'));
// These messages make Node load and compile the code and start its threads. They are small, so that the memory that they free is too small
// for the large message.
for (let n = 0; n < 20; n++) for (const each of small) await receive(each, 60_000);
/** @type {any} */ (globalThis).gc();
const before = status('VmRSS');
writeFileSync('/proc/self/clear_refs', '5');
const verdict = await receive(payload, limit);
const peak = status('VmHWM');
console.log(JSON.stringify({ verdict, growth: peak - before }));
