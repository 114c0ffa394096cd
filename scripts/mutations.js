/**
 * The mutations for mutate.js: for each requirement, one edit of the source that disables the requirement. The text `find` occurs exactly
 * once in the file. Some requirements have no mutation, because no code can be disabled. An example is a requirement for the application.
 */

/** @typedef {{ id: string, file: string, find: string, replace: string }} Mutation */

const [assembler, closeCode, endpoint] = ['frame/assembler', 'frame/close-code', 'frame/endpoint'];
const [mask, parser, serializer, writer] = ['frame/mask', 'frame/parser', 'frame/serializer', 'frame/writer'];
const [receiver, sender, sendQueue] = ['frame/receiver', 'frame/sender', 'frame/send-queue'];
const [frameDispatch, headerRules] = ['frame/frame-dispatch', 'frame/header-rules'];
const messageBuffer = 'frame/message-buffer';
const [machine, closeAccount] = ['frame/state-machine', 'frame/close-account'];
const [client, server, head] = ['handshake/client', 'handshake/server', 'handshake/http-head'];
const refusalText = 'handshake/refusal';
const [extension, key, origin, refusal] = [
  'handshake/extension',
  'handshake/key',
  'handshake/origin',
  'handshake/error',
];

/** @type {[id: string, module: string, find: string, replace: string][]} */
const table = [
  // Framing
  ['F1', writer, `this.#masks = role === 'client';`, 'this.#masks = false;'],
  ['F2', headerRules, 'if (second >= 0x80 !== masked)', 'if (second >= 0x80 && !masked)'],
  ['F3', serializer, `const masked = role === 'client';`, 'const masked = true;'],
  ['F4', headerRules, 'if (second >= 0x80 !== masked)', 'if (second < 0x80 && masked)'],
  [
    'F5',
    endpoint,
    'if (this.#machine.state !== Open) return this.sender.refuse(done);\n    return this.sender.send(',
    'return this.sender.send(',
  ],
  [
    'F6',
    headerRules,
    `if ((first & 0x70 & ~allowedReserved) !== 0) throw new ProtocolError('WS_RESERVED_BITS');`,
    '',
  ],
  [
    'F7',
    headerRules,
    `if (!isKnownOpcode(opcode)) throw new ProtocolError('WS_UNKNOWN_OPCODE', { opcode });`,
    '',
  ],
  ['F8', parser, `if (high >= 0x80000000) throw new ProtocolError('WS_LENGTH_MSB');`, ''],
  ['F9', parser, `if (length < 126) throw new ProtocolError('WS_NON_MINIMAL_LENGTH');`, ''],
  ['F10', serializer, 'target[position++] = length >>> 8;\n', 'target[position++] = length >>> 9;\n'],
  [
    'F11',
    assembler,
    'if (this.#opcode === Opcode.Text && !this.#compressed) {',
    'if (this.#opcode === Opcode.Text) {',
  ],
  ['F12', mask, 'randomFillSync(pool);', 'pool.fill(7);'],
  ['F13', mask, 'buffer[index + 3]! ^= key3;', 'buffer[index + 3]! ^= key2;'],
  ['F14', parser, 'if (this.#masked) applyMask(chunk, start, position, this.#key);', ''],
  ['F15', frameDispatch, 'if (isControl(opcode)) return;\n    this.dataPieces++;', 'this.dataPieces++;'],
  ['F16', headerRules, `if (first < 0x80) throw new ProtocolError('WS_FRAGMENTED_CONTROL');`, ''],
  [
    'F17',
    assembler,
    `if (!isContinuation && this.#opcode !== 0) throw new ProtocolError('WS_INTERLEAVED_MESSAGE');`,
    '',
  ],
  [
    'F18',
    messageBuffer,
    'piece.copy(target, this.length, start, end);',
    'piece.copy(target, 0, start, end);',
  ],
  [
    'F19',
    frameDispatch,
    'const assembler = this.#assembler!;\n    const opcode = assembler.opcode;',
    'const assembler = this.#assembler!;\n    const opcode = this.#opcode;',
  ],
  [
    'F21',
    assembler,
    `if (!this.#validator.push(buffer, start, end)) throw new ProtocolError('WS_INVALID_UTF8');`,
    'this.#validator.push(buffer, start, end);',
  ],
  ['F22', parser, 'this.#allowedReserved = rsv1 ? 0x40 : 0;', 'this.#allowedReserved = rsv1 ? 0x40 : 0x40;'],
  ['F23', sendQueue, '(isLast ? FIN : 0) | opcode', 'FIN | opcode'],
  ['F24', assembler, 'this.#opcode = 0;\n    this.#emptyFragments = 0;', 'this.#emptyFragments = 0;'],
  ['F25', assembler, 'if (announced > limit) {', 'if (announced > Number.MAX_SAFE_INTEGER) {'],
  ['F26', receiver, '    } catch (error) {\n      this.#owner.fail(error);\n    }', '    } catch {}'],

  // Control frames and closing
  ['C1', closeCode, `if (end - start === 1) throw new ProtocolError('WS_CLOSE_LENGTH');`, ''],
  ['C3', endpoint, 'const isOpen = this.#machine.state === Open;', 'const isOpen = true;'],
  ['C4', machine, 'if (byPeer) this.#sendClose(buffer.subarray(start, end));', ''],
  [
    'C5',
    machine,
    `this.#options.role === 'server' : this.receiver.isOff`,
    `this.#options.role === 'client' : this.receiver.isOff`,
  ],
  ['C6', machine, 'const byPeer = this.state === Open;', 'const byPeer = true;'],
  [
    'C7',
    machine,
    'if (opcode === Opcode.Ping && this.#options.autoPong !== false) this.sender.sendPong(payload);',
    '',
  ],
  [
    'C8',
    sender,
    '    if (!this.replies.takesPong() || this.#sink.blocked) {\n      this.#queue.replacePong(',
    '    if (!this.replies.takesPong() || (this.#sink.blocked && this.isCloseWaiting)) {\n      this.#queue.replacePong(',
  ],
  [
    'C10',
    endpoint,
    'const payload = serializeClosePayload(code, reason);\n    if',
    'const payload = serializeClosePayload(code).fill(0, 0, reason?.length);\n    if',
  ],
  [
    'C11',
    machine,
    'this.#sink.closing();\n    this.#endIfDue();\n    if (byPeer)',
    'this.#endIfDue();\n    if (byPeer)',
  ],
  [
    'C12',
    machine,
    'this.#account.toRecord(this.state === CloseReceived)',
    'this.#account.toRecord(this.state >= CloseSent)',
  ],
  [
    'C13',
    closeAccount,
    'code: number = CloseCode.AbnormalClosure;',
    'code: number = CloseCode.NormalClosure;',
  ],
  [
    'C14',
    machine,
    'this.#endIfDue();\n    this.#report(error);',
    `if (this.#options.role === 'server') this.#endIfDue();\n    this.#report(error);`,
  ],
  [
    'C15',
    machine,
    'this.#endIfDue();\n    this.#report(error);',
    `if (this.#options.role === 'client') this.#endIfDue();\n    this.#report(error);`,
  ],
  [
    'C16',
    machine,
    'const open = this.state === Open || this.sender.isCloseWaiting;',
    'const open = this.sender.isCloseWaiting;',
  ],
  ['C17', machine, 'this.receiver.switchOff();\n    this.sender.stop(error);', 'this.sender.stop(error);'],
  ['C19', machine, 'this.#sink.end();\n    this.transportClosed();', 'this.#sink.end();'],
  ['C20', machine, 'this.#release();\n    this.#sink.destroy();', 'this.#release();'],
  ['C22', closeCode, 'MessageTooBig: 1009,', 'MessageTooBig: 1004,'],
  ['C23', closeCode, '(code >= 1000 && code <= 1003)', '(code >= 1000 && code <= 1006)'],
  ['C24', closeCode, '(code >= 3000 && code <= 4999)', '(code >= 1016 && code <= 4999)'],

  // URIs and the client's request
  ['U1', client, '(secure ? 443 : 80)', '(secure ? 80 : 443)'],
  ['U2', client, `if (parsed.href.includes('#')) throw refuse('WS_URL_FRAGMENT');`, ''],
  ['U3', client, 'resource: parsed.pathname + parsed.search,', 'resource: parsed.pathname,'],
  ['U4', client, 'const parsed = parseUrl(text);', `const parsed = parseUrl(text.replace(/[^ -~]/g, 'x'));`],
  ['O1', client, `if (text.charCodeAt(at) < 0x20) throw refuse('WS_URL_SYNTAX');`, 'text.charCodeAt(at);'],
  ['H1', client, '{resource} HTTP/1.1`', '{resource} HTTP/1.0`'],
  ['H2', client, '`GET $', '`GET http:$'],
  ['H3', client, 'host: parsed.host,', 'host: parsed.hostname,'],
  [
    'H4',
    client,
    `'Upgrade', 'websocket', 'Connection', 'Upgrade'];`,
    `'Upgrade', 'websocket', 'Connection', 'close'];`,
  ],
  ['H5', key, 'randomBytes(16)', 'randomBytes(15)'],
  ['H6', client, `if (origin !== undefined) fields.push('Origin', origin);`, ''],
  ['H7', client, `'Sec-WebSocket-Version', '13');`, `'Sec-WebSocket-Version', '8');`],
  ['H8', 'handshake/subprotocol', 'if (repeated !== undefined) throw', 'if (repeated === null) throw'],
  [
    'H9',
    client,
    `if (offers.length > 0) fields.push('Sec-WebSocket-Extensions', formatExtensions(offers));`,
    '',
  ],
  ['H10', client, '[...fields, ...extra])', 'fields)'],

  // The client's checks of the response
  ['V1', client, `if (response.status !== 101) throw fail('WS_RESPONSE_STATUS');`, ''],
  [
    'V2',
    client,
    `if (upgrade === null || toAsciiLowerCase(upgrade) !== 'websocket') {`,
    'if (upgrade === null) {',
  ],
  ['V3', client, `if (!options.some((option) => toAsciiLowerCase(option) === 'upgrade')) {`, 'if (false) {'],
  [
    'V4',
    client,
    'if (accept === null || accept !== computeAccept(expected.key)) {',
    'if (accept === null) {',
  ],
  [
    'V5',
    client,
    `if (unoffered !== null) throw fail('WS_RESPONSE_EXTENSION_NOT_OFFERED', { value: unoffered.name });`,
    '',
  ],
  [
    'V6',
    client,
    'if (subprotocol !== undefined && !subprotocols.includes(subprotocol)) {',
    `if (subprotocol === '?') {`,
  ],
  ['V7', client, `if (!isHttp11(response.httpVersion)) throw fail('WS_RESPONSE_HTTP_VERSION');`, ''],
  ['V8', head, 'return this.#rest ?? nothing;', 'return this.#rest === null ? nothing : nothing;'],

  // The server's checks of the request, and the server's answer
  ['S1', head, 'if (colon < 0 || !isToken(line.slice(0, colon)))', 'if (colon < 0)'],
  ['S2', server, `if (method !== 'GET') throw refuse('WS_HANDSHAKE_METHOD', { value: method });`, ''],
  ['S3', server, 'if (host === null || !isHost(host)) throw', 'if (host === null) throw'],
  [
    'S4',
    server,
    `if (!lists(protocols, 'websocket')) throw refuse('WS_HANDSHAKE_UPGRADE', { value: upgrade });`,
    '',
  ],
  ['S5', server, 'if (key === null || !isKey(key)) throw', 'if (key === null) throw'],
  [
    'S6',
    server,
    `if (versions[0] !== '13') throw refuse('WS_HANDSHAKE_VERSION', { value: versions[0] ?? null });`,
    '',
  ],
  [
    'S7',
    origin,
    `if (origin === null || policy === 'any') return true;`,
    `if (origin === null) return policy === 'any';\n  if (policy === 'any') return true;`,
  ],
  [
    'S8',
    server,
    'if (value === null) return NONE;',
    `if (value === null) throw refuse('WS_HANDSHAKE_SUBPROTOCOLS');`,
  ],
  ['S10', refusalText, `[401, 'Unauthorized'],`, ''],
  ['S11', refusalText, 'status < 300 || status > 599', 'status < 400 || status > 599'],
  ['S12', server, 'if (!isAllowedOrigin(policy.origins, origin, upgrade))', `if (origin === 'https://?')`],
  [
    'S13',
    refusal,
    `this server speaks version 13',\n    headers: ['Upgrade', 'websocket', 'Sec-WebSocket-Version', '13'],`,
    `this server speaks version 13',\n    headers: ['Upgrade', 'websocket'],`,
  ],
  [
    'S14',
    refusal,
    'WS_HANDSHAKE_NOT_FOUND: {\n    status: 404,',
    'WS_HANDSHAKE_NOT_FOUND: {\n    status: 400,',
  ],
  [
    'S15',
    server,
    `if (subprotocol !== '' && !request.subprotocols.includes(subprotocol)) {`,
    `if (subprotocol === '?') {`,
  ],
  [
    'S16',
    server,
    'if (extensions.length > 0 && findUnoffered(extensions, request.offers) !== null) {',
    'if (extensions.length > 1000) {',
  ],
  ['S17', key, '258EAFA5-E914-47DA-95CA-C5AB0DC85B11', '258EAFA5-E914-47DA-95CA-C5AB0DC85B12'],
  [
    'S18',
    extension,
    'return value !== null && isToken(value) ? [name, value] : null;',
    'return value !== null ? [name, value] : null;',
  ],
  [
    'S19',
    extension,
    `if (extensions === null) throw refuse('WS_HANDSHAKE_EXTENSIONS', { value });`,
    'if (extensions === null) return [];',
  ],
  ['S20', server, 'const value = fields.joined(name);', 'const value = fields.values(name)[0] ?? null;'],
  ['S21', origin, 'return server !== null && server.host === page.host;', 'return server !== null;'],
  ['S22', head, 'else if (!isLineByte(byte)) this', 'else if (byte < 0) this'],
];

/** @type {Mutation[]} */
export const mutations = table.map(([id, module, find, replace]) => ({
  ...{ id, file: `src/${module}.ts` },
  ...{ find, replace },
}));
