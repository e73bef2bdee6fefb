import test from 'ava';
import { hostnameFrom } from './server.ts';

test('a host name is made of whatever a server is called', (t) => {
  t.is(hostnameFrom('Web Server_1.example', 'id'), 'web-server-1-example');
  t.is(hostnameFrom('Größe <b>', 'id'), 'groe-b');
  t.is(hostnameFrom('日本', 'id'), 'Server-id');
  t.is(hostnameFrom(`${'x'.repeat(62)}-y`, 'id'), 'x'.repeat(62));
});
