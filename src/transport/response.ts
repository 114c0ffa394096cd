/**
 * Reads the response of a server or a proxy. Informational responses (RFC 9110 §15.2) may come before the response. The response may have a
 * body (RFC 9112 §6). handshake/http-head.ts parses the head. response-body.ts parses the body. dial.ts and tunnel.ts decide what the
 * response means.
 */

import type { Duplex } from 'node:stream';
import { HandshakeError, type HandshakeStage } from '../handshake/error.ts';
import { HttpHeadParser, type HttpResponseHead } from '../handshake/http-head.ts';
import type { Attempt } from './attempt.ts';
import { dialFailure } from './dial-failure.ts';
import { ResponseBody } from './response-body.ts';

// 9110 §15.2 sets no maximum for the number of 1xx responses before the final response. No server needs more than a few.
const MAX_INFORMATIONAL = 8;

/** Reads the head of the final response. `rest` has the bytes that arrived after this head in the same chunk. */
export function readResponse(
  attempt: Attempt,
  socket: Duplex,
  stage: HandshakeStage,
): Promise<{ response: HttpResponseHead; rest: Buffer }> {
  return attempt.step(socket, stage, (done, fail) => {
    let parser = new HttpHeadParser('response');
    let informational = 0;
    const onData = (chunk: Buffer) => {
      try {
        let response = parser.push(chunk);
        // 9110 §15.2: a client MUST be able to parse 1xx responses before the final response. For a handshake, 101 is a final response.
        while (response !== null && response.status < 200 && response.status !== 101) {
          if (++informational > MAX_INFORMATIONAL) throw dialFailure('WS_DIAL_INFORMATIONAL');
          const rest = parser.rest();
          parser = new HttpHeadParser('response');
          response = parser.push(rest);
        }
        if (response === null) return;
        socket.pause();
        done({ response, rest: parser.rest() });
      } catch (error) {
        fail(atStage(error, stage));
      }
    };
    return readFrom(socket, onData, () => fail(dialFailure('WS_DIAL_CLOSED', { stage })));
  });
}

/** Reads the body of a refusal until the body ends, the connection ends or the deadline passes. The promise never rejects. */
export async function readBody(
  attempt: Attempt,
  socket: Duplex,
  response: HttpResponseHead,
  rest: Buffer,
): Promise<Buffer> {
  const body = new ResponseBody(response);
  if (!body.push(rest)) {
    const whole = attempt.step<void>(socket, 'http', (done) => {
      const onData = (chunk: Buffer) => {
        if (body.push(chunk)) done();
      };
      return readFrom(socket, onData, () => done());
    });
    // If the body does not end in time, or the connection fails, we return the part that has arrived. The status matters more than the
    // body.
    await whole.catch(() => {});
  }
  return body.bytes;
}

/** Starts to read from a socket. If the socket has ended already, `onEnd` is called immediately. @returns a function that stops reading */
export function readFrom(socket: Duplex, onData: (chunk: Buffer) => void, onEnd: () => void): () => void {
  socket.on('data', onData);
  socket.on('end', onEnd);
  // A socket that the application passed may have ended already. Such a socket emits no further 'end' event, so we call `onEnd` here.
  if (socket.readableEnded) onEnd();
  else socket.resume();
  return () => {
    socket.off('data', onData);
    socket.off('end', onEnd);
  };
}

/**
 * Returns a copy of the error with another stage. The stage is 'proxy' if the proxy sent the response, and 'http' if the server sent it.
 */
function atStage(error: unknown, stage: HandshakeStage): unknown {
  if (!(error instanceof HandshakeError) || error.stage === stage) return error;
  const { code, message, status, headers, value } = error;
  return new HandshakeError(code, message, { stage, status, headers, value });
}
