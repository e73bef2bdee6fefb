import test from 'ava';
import { commandText, isMoving, whyNot } from './container.ts';

test('a running container can be stopped and run commands in', (t) => {
  const running = { status: 'Running', task_state: null };
  t.is(whyNot(running, 'stop'), null);
  t.is(whyNot(running, 'execute'), null);
  t.is(whyNot(running, 'start'), 'The container is Running; it would have to be Created or Stopped or Error.');
});

test('a container with a task has to be waited for', (t) => {
  const stopping = { status: 'Running', task_state: 'container_stopping' };
  t.true(isMoving(stopping));
  t.regex(whyNot(stopping, 'stop') ?? '', /^Wait: container stopping/);
});

test('a command reads as it would be typed', (t) => {
  t.is(commandText({ command: ['sh', '-c', 'echo a b'] }), 'sh -c "echo a b"');
  t.is(commandText({ command: 'sleep 5' }), 'sleep 5');
  t.is(commandText({ command: null }), '');
});
