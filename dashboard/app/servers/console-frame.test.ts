import test from 'ava';
import { framePath } from './console-frame.ts';

test('consoles are shown by pages of the host that the dashboard came from', (t) => {
  const path = 'console%3Ftoken%3Dabc-_1';
  t.is(framePath('screen', `https://cloud.test/console/vnc.html?path=${path}`), `/console/vnc.html?path=${path}`);
  t.is(framePath('serial', 'wss://cloud.test/console?token=abc-_1'), `/console/serial.html?path=${path}`);
  t.is(framePath('serial', 'ws://h:1/a/console?token=x'), '/a/console/serial.html?path=a%2Fconsole%3Ftoken%3Dx');
});
