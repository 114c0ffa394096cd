/**
 * Reads the answer of a server or a proxy, within one attempt: RFC 9110 §15.2 (informational responses), RFC 9112 §6 (bodies of refusals).
 * handshake/http-head.ts has the grammar of a head, response-body.ts has the grammar of a body. dial.ts and tunnel.ts decide what an answer
 * means.
 */

import type { Duplex } from 'node:stream';
import { HandshakeError, type HandshakeStage } from '../handshake/error.ts';
import { HttpHeadParser, type HttpResponseHead } from '../handshake/http-head.ts';
import type { Attempt } from './attempt.ts';
import { dialFailure } from './dial-failure.ts';
import { ResponseBody } from './response-body.ts';

// 9110 §15.2: any number of 1xx responses may come, but no server needs more than a few.
const MAX_INFORMATIONAL = 8;

/** Reads the final response's head; `rest` holds the bytes that followed it in the last chunk. */
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
        // 9110 §15.2: a client MUST be able to parse 1xx before the final response. Here, 101 is a final response.
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

/** Reads the part of a refusal's body that comes before the end or the deadline. Never rejects. */
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
    // Only the status matters: if a body does not end, or is cut off, the part that has come is shown.
    await whole.catch(() => {});
  }
  return body.bytes;
}

/** Reads from a socket, which may have ended. @returns a function that stops reading */
export function readFrom(socket: Duplex, onData: (chunk: Buffer) => void, onEnd: () => void): () => void {
  socket.on('data', onData);
  socket.on('end', onEnd);
  // A socket that the application passed may have ended before. Such a socket emits no further 'end' event.
  if (socket.readableEnded) onEnd();
  else socket.resume();
  return () => {
    socket.off('data', onData);
    socket.off('end', onEnd);
  };
}

/** Returns the same error with another stage: 'proxy' if the malformed head came from the proxy, 'http' if the server sent it. */
function atStage(error: unknown, stage: HandshakeStage): unknown {
  if (!(error instanceof HandshakeError) || error.stage === stage) return error;
  const { code, message, status, headers, value } = error;
  return new HandshakeError(code, message, { stage, status, headers, value });
}
