// @ts-nocheck: this file runs in a browser, but the type checker uses the types of Node.
// The script of the chat page. It connects to the server that sent the page.
const status = document.querySelector('[role=status]');
const log = document.querySelector('[role=log]');
const form = document.querySelector('form');
const input = document.querySelector('input');

const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`);

socket.addEventListener('open', () => {
  status.textContent = 'Connected';
});
socket.addEventListener('message', ({ data }) => show(data));
socket.addEventListener('close', ({ code }) => {
  status.textContent = `Closed: ${code}`;
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (input.value === '') return;
  socket.send(input.value);
  show(`I: ${input.value}`);
  input.value = '';
});

function show(line) {
  const item = document.createElement('li');
  // The line is added as text, so that a line from another user cannot contain HTML.
  item.textContent = line;
  log.append(item);
}
