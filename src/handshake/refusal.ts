/**
 * Writes the response that refuses an opening handshake: RFC 6455 §4.2.2, §10.7. The table in error.ts lists the reasons and their
 * statuses.
 */
import { type HandshakeError, type HandshakeStage, type RefusalCode, refusals } from './error.ts';
import { forbidFields, HeaderFields } from './header-fields.ts';
import { formatHead } from './http-head.ts';

const phrases: ReadonlyMap<number, string> = new Map([
  [301, 'Moved Permanently'],
  [302, 'Found'],
  [303, 'See Other'],
  [304, 'Not Modified'],
  [307, 'Temporary Redirect'],
  [308, 'Permanent Redirect'],
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [410, 'Gone'],
  [414, 'URI Too Long'],
  [421, 'Misdirected Request'],
  [426, 'Upgrade Required'],
  [429, 'Too Many Requests'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [502, 'Bad Gateway'],
  [503, 'Service Unavailable'],
  [504, 'Gateway Timeout'],
  [505, 'HTTP Version Not Supported'],
]);

const answerable: readonly HandshakeStage[] = ['request', 'subprotocol', 'extensions', 'timeout'];

/**
 * Returns the whole response that refuses a handshake (RFC 6455 §4.2.2, §10.7). Send the response as latin1, then close the connection. Do
 * not process bytes that arrive after the request: they may be a request that an attacker smuggled in.
 * @param error the reason. If the application gave the error a `body`, the response has this body. Otherwise the response has the fixed
 *   text of the rule. The library puts no text from the peer into the response.
 * @param method the method of the request, if it is known. A response to HEAD has no body. A response with status 304 has no body either
 * @throws RangeError if the status is not 300 to 599, or if the error occurred on a client
 * @throws TypeError if `error.headers` contains Connection, Content-Length, Transfer-Encoding or a forbidden character
 */
export function formatRefusal(error: HandshakeError, method?: string): string {
  const { stage, status, headers } = error;
  // An error on a client contains the status, header fields and body of a response that this process received. The response may come from a
  // private backend. So our server must not send any part of the response to its own peer.
  if (!answerable.includes(stage)) throw new RangeError(`An error of stage '${stage}' is not for a peer`);
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw new RangeError(`${status} is not a status that refuses an opening handshake`);
  }
  forbidFields(headers, ['connection', 'content-length', 'transfer-encoding']);
  const phrase = phrases.get(status) ?? '';
  const body = error.body.length > 0 ? error.body.toString('latin1') : `${fixedText(error.code) ?? phrase}\n`;
  // 9110 §7.8: a response with an Upgrade field must also have "Connection: Upgrade". We break this rule, for safety. After "Connection:
  // Upgrade", a proxy may believe that the protocol changed, and forward all later bytes without parsing them.
  const fields = ['Connection', 'close'];
  // 9110 §15.4.5: a response with status 304 has no body. Its Content-Length would be the size of a 200 response, which we do not know. So
  // we omit the field.
  if (status === 304) return formatHead(`HTTP/1.1 304 ${phrase}`, [...fields, ...headers]);
  if (!new HeaderFields(headers).has('Content-Type'))
    fields.push('Content-Type', 'text/plain; charset=utf-8');
  fields.push('Content-Length', String(body.length), ...headers);
  const head = formatHead(`HTTP/1.1 ${status} ${phrase}`, fields);
  return method === 'HEAD' ? head : head + body;
}

function fixedText(code: string): string | null {
  return Object.hasOwn(refusals, code) ? refusals[code as RefusalCode].text : null;
}
