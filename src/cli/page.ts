/**
 * Has the HTML page of `rfc6455 serve --page`. The page is one HTML document, without a framework or other files. The page uses the
 * browser's WebSocket to connect to the server that sent the page.
 */

const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f9; --sheet: #ffffff; --ink: #1b1f24; --faint: #59636e; --line: #d4dae1;
  --accent: #0b5cad; --on-accent: #ffffff; --good: #116329; --bad: #a40e26; --mine: #e7f1fb;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0f1317; --sheet: #181d23; --ink: #e8ecf0; --faint: #a3adb8; --line: #333c46;
    --accent: #6cb2ff; --on-accent: #0b1016; --good: #6fdd8b; --bad: #ff8a8f; --mine: #17304a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.25rem; max-width: 52rem; height: 100vh; height: 100dvh;
  display: flex; flex-direction: column; gap: 0.75rem;
  background: var(--ground); color: var(--ink); font: 1rem/1.45 system-ui, sans-serif;
}
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1rem; }
h1 { margin: 0; font-size: 1.25rem; }
#url { color: var(--faint); font-family: ui-monospace, monospace; font-size: 0.875rem; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; }
#status { flex: 1; min-width: 7rem; font-weight: 600; overflow-wrap: anywhere; }
#connect:disabled, #disconnect:disabled { display: none; }
#help { margin: 0; padding: 0.25rem 0.5rem 0.75rem; color: var(--faint); }
#status::before { content: '\\25CF\\00A0'; }
[data-state='open'] #status::before { color: var(--good); }
[data-state='closed'] #status::before { color: var(--bad); }
#log {
  flex: 1; min-height: 8rem; padding: 0.5rem; overflow-y: auto;
  background: var(--sheet); border: 1px solid var(--line); border-radius: 0.5rem;
}
#lines { margin: 0; padding: 0; list-style: none; }
#log li { display: flex; gap: 0.75rem; padding: 0.25rem 0.5rem; border-radius: 0.25rem; align-items: baseline; }
#log .mine { background: var(--mine); }
#log .note { color: var(--faint); }
#log .what { flex: 1; min-width: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
#log .binary .what { font-family: ui-monospace, monospace; font-size: 0.875rem; }
#log .side { color: var(--faint); font-size: 0.8125rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
#log .who { width: 3.75rem; }
form { display: grid; grid-template-columns: 9rem 1fr auto; gap: 0.25rem 0.5rem; align-items: end; }
label { font-size: 0.8125rem; color: var(--faint); }
input, button, .file {
  font: inherit; color: inherit; padding: 0.45rem 0.75rem; border: 1px solid var(--line); border-radius: 0.375rem;
  background: var(--sheet); min-width: 0;
}
form label { grid-row: 1; }
form input, form button { grid-row: 2; }
button { cursor: pointer; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button:disabled, input:disabled, .file:has(:disabled) { opacity: 0.5; cursor: not-allowed; }
.file { cursor: pointer; font-size: 1rem; color: var(--ink); }
.file input { position: absolute; opacity: 0; width: 1px; height: 1px; padding: 0; }
:focus-visible, .file:focus-within { outline: 3px solid var(--accent); outline-offset: 1px; }
@media (max-width: 34rem) {
  form { grid-template-columns: 6rem 1fr auto; }
  body { padding: 0.75rem; }
  #log { padding: 0.25rem; }
  #log li { flex-wrap: wrap; gap: 0 0.75rem; }
  #log li .what { flex-basis: 100%; order: 1; }
  #log li .time { margin-left: auto; }
  #log .note .side:empty { display: none; }
}
`;

const script = `
'use strict';
const element = (id) => document.getElementById(id);
const log = element('log');
const lines = element('lines');
const url = (location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/';
const SHOWN_TEXT = 2000;
const SHOWN_BYTES = 16;
const KEPT_LINES = 500;
const CLOSE_NAMES = {
  1000: 'normal closure', 1001: 'going away', 1002: 'protocol error', 1003: 'unsupported data', 1005: 'no code',
  1006: 'connection lost', 1007: 'invalid payload', 1008: 'policy violation', 1009: 'message too big',
  1010: 'mandatory extension', 1011: 'internal error', 1012: 'service restart', 1013: 'try again later',
  1014: 'bad gateway', 1015: 'TLS handshake failed',
};
// Explanations of close codes, for a user who tries a server.
const HINTS = {
  1006: 'The connection ended without a Close frame. Is the server running? Without --any-origin, it refuses pages of other origins.',
  1009: 'The message was too large. The server has the option --max-message-size.',
};
let socket = null;
// The sent messages that have not come back yet, in the order of sending.
let waiting = [];

const plural = (count, noun) => count.toLocaleString('en') + ' ' + noun + (count === 1 ? '' : 's');

function part(className, text) {
  const span = document.createElement('span');
  span.className = className;
  // textContent never treats the text as markup. This is important, because the text may come from a peer.
  span.textContent = text;
  return span;
}

function add(kind, who, what, side) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const line = document.createElement('li');
  line.className = kind;
  line.append(part('side who', who), part('what', what), part('side time', side));
  lines.append(line);
  while (lines.children.length > KEPT_LINES) lines.firstElementChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
  return line;
}

function describe(data) {
  if (typeof data === 'string') {
    if (data.length <= SHOWN_TEXT) return data;
    return data.slice(0, SHOWN_TEXT) + ' \\u2026 (' + plural(data.length, 'character') + ')';
  }
  const first = Array.from(data.subarray(0, SHOWN_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return plural(data.length, 'byte') + (data.length > 0 ? ': ' : '') + first + (data.length > SHOWN_BYTES ? ' \\u2026' : '');
}

function isSame(a, b) {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function show(state, text) {
  document.body.dataset.state = state;
  element('status').textContent = text;
  for (const control of document.querySelectorAll('[data-needs]')) {
    control.disabled = control.dataset.needs !== state;
  }
}

function connect() {
  waiting = [];
  show('connecting', 'Connecting');
  const current = new WebSocket(url);
  socket = current;
  current.binaryType = 'arraybuffer';
  current.onopen = () => {
    show('open', 'Open');
    add('note', '', 'Connected' + (current.extensions === '' ? '' : ', ' + current.extensions), '');
    element('text').focus();
  };
  current.onmessage = (event) => {
    const now = performance.now();
    const data = typeof event.data === 'string' ? event.data : new Uint8Array(event.data);
    const [first] = waiting;
    if (first !== undefined && isSame(first.data, data)) {
      waiting.shift();
      first.line.lastChild.textContent = 'back in ' + (now - first.sent).toFixed(1) + ' ms';
      first.line.dataset.back = 'true';
    } else if (typeof data === 'string' && data.startsWith('* ')) add('note', '', data.slice(2), '');
    else add(typeof data === 'string' ? 'text' : 'binary', 'received', describe(data), '');
  };
  current.onclose = (event) => {
    const name = CLOSE_NAMES[event.code];
    const why = event.code + (name === undefined ? '' : ' (' + name + ')') + (event.reason === '' ? '' : ': ' + event.reason);
    show('closed', 'Closed: ' + why);
    add('note', '', 'Closed: ' + why, event.wasClean ? '' : 'not clean');
    if (HINTS[event.code] !== undefined) add('note', '', HINTS[event.code], '');
    for (const { line } of waiting) line.lastChild.textContent = 'did not come back';
    waiting = [];
    element('connect').focus();
  };
}

function send(data) {
  if (socket.readyState !== WebSocket.OPEN) return;
  const line = add('mine ' + (typeof data === 'string' ? 'text' : 'binary'), 'sent', describe(data), 'on its way');
  waiting.push({ data, line, sent: performance.now() });
  socket.send(data);
}

element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = element('name').value.trim();
  const text = element('text').value;
  if (text === '') return;
  send(name === '' ? text : name + ': ' + text);
  element('text').value = '';
});
element('random').addEventListener('click', () => {
  const bytes = new Uint8Array(1048576);
  // getRandomValues accepts at most 64 KiB per call.
  for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  send(bytes);
});
element('file').addEventListener('change', async (event) => {
  const [file] = event.target.files;
  if (file === undefined) return;
  const bytes = new Uint8Array(await file.arrayBuffer());
  event.target.value = '';
  send(bytes);
});
element('connect').addEventListener('click', connect);
element('disconnect').addEventListener('click', () => socket.close(1000, 'the page said goodbye'));
element('url').textContent = url;
connect();
`;

const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rfc6455: try the server</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body data-state="closed">
<header><h1>rfc6455</h1><span id="url"></span></header>
<div class="bar">
  <span id="status" role="status">Not connected</span>
  <button id="connect" type="button" data-needs="closed">Reconnect</button>
  <button id="disconnect" type="button" data-needs="open">Disconnect</button>
</div>
<div id="log" role="log" aria-label="Messages" tabindex="0">
  <p id="help">The server sends each message back. In chat mode, it sends each message to all clients. Open this page in a
  second tab to see both sides.</p>
  <ol id="lines"></ol>
</div>
<form id="form" autocomplete="off">
  <label for="name">Name</label>
  <input id="name" maxlength="40" placeholder="none">
  <label for="text">Message</label>
  <input id="text" data-needs="open" enterkeyhint="send">
  <button class="main" data-needs="open">Send</button>
</form>
<div class="bar">
  <button id="random" type="button" data-needs="open">Send 1 MiB of random bytes</button>
  <label class="file">Send a file <input id="file" type="file" data-needs="open"></label>
</div>
<noscript>This page needs JavaScript to open a WebSocket.</noscript>
<script>${script}</script>
</body>
</html>
`;

/** The HTML document, and its style and script. The Content Security Policy of the page allows the style and the script by their hashes. */
export const page: { readonly html: string; readonly style: string; readonly script: string } = {
  html,
  style,
  script,
};
