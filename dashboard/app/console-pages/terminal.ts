/** A terminal at a server's serial port. */
import { Terminal } from '@xterm/xterm';
import { over, takeSocketUrl } from './socket-url.ts';

const state = document.querySelector('#state') as HTMLElement;
const place = document.querySelector('#console') as HTMLElement;

const url = takeSocketUrl();
if (url === null) state.textContent = over;
else {
  // The size that a serial port's other end believes in, as nothing tells it another.
  const terminal = new Terminal({ cols: 80, rows: 24, scrollback: 5000, linkHandler: { activate() {} } });
  terminal.open(place);
  const socket = new WebSocket(url, ['binary']);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => {
    state.textContent = 'Connected. Press Enter if nothing shows.';
    terminal.focus();
  });
  socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer>) => terminal.write(new Uint8Array(data)));
  socket.addEventListener('close', () => {
    state.textContent = state.textContent?.startsWith('Connected') ? 'The console has ended.' : over;
    terminal.options.disableStdin = true;
  });
  const send = (bytes: Uint8Array<ArrayBuffer>) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
  };
  terminal.onData((text) => send(new TextEncoder().encode(text)));
  terminal.onBinary((text) => send(Uint8Array.from(text, (character) => character.charCodeAt(0))));
}
