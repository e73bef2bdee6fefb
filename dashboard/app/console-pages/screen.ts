/** Shows a server's screen, as noVNC draws it. */
import RFB from '@novnc/novnc';
import { over, takeSocketUrl } from './socket-url.ts';

const state = document.querySelector('#state') as HTMLElement;
const keys = document.querySelector('#keys') as HTMLButtonElement;
const place = document.querySelector('#console') as HTMLElement;

const url = takeSocketUrl();
if (url === null) state.textContent = over;
else {
  const screen = new RFB(place, url.href, { wsProtocols: ['binary'] });
  screen.scaleViewport = true;
  screen.background = 'transparent';
  screen.addEventListener('connect', () => {
    state.textContent = 'Connected';
    keys.disabled = false;
    screen.focus();
  });
  screen.addEventListener('disconnect', () => {
    state.textContent = state.textContent === 'Connected' ? 'The console has ended.' : over;
    keys.disabled = true;
  });
  keys.addEventListener('click', () => {
    screen.sendCtrlAltDel();
    screen.focus();
  });
}
