import test from 'ava';
import { isMoving, type Server, whyNot } from './server.ts';

const server = (vmState: Server['OS-EXT-STS:vm_state'], task: Server['OS-EXT-STS:task_state'] = null) =>
  ({ status: 'ACTIVE', 'OS-EXT-STS:vm_state': vmState, 'OS-EXT-STS:task_state': task }) as Server;

test('a running server can be stopped and rebooted, and says why it cannot be started', (t) => {
  t.is(whyNot(server('active'), 'stop'), null);
  t.is(whyNot(server('active'), 'soft reboot'), null);
  t.is(whyNot(server('active'), 'start'), 'The server is active; it would have to be stopped.');
});

test('while something is under way the next thing has to wait', (t) => {
  t.is(whyNot(server('active', 'powering-off'), 'stop'), 'Wait: powering off is under way.');
  t.is(whyNot(server('active', 'rebooting'), 'hard reboot'), null);
});

test('a server with a task is moving', (t) => {
  t.true(isMoving(server('active', 'deleting')));
  t.false(isMoving(server('active')));
});
