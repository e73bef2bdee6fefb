import test from 'ava';
import { commandText, isMoving, whyNot } from './container.ts';

test('a running container can be stopped and run commands in', (t) => {
  const running = { status: 'Running' };
  t.is(whyNot(running, 'stop'), null);
  t.is(whyNot(running, 'execute'), null);
  t.is(whyNot(running, 'start'), 'The container is Running; it would have to be Created, Stopped or Error.');
});

test('a container with a task is moving', (t) => {
  t.true(isMoving({ status: 'Running', task_state: 'container_stopping' }));
  t.true(isMoving({ status: 'Restarting', task_state: null }));
  t.false(isMoving({ status: 'Running', task_state: null }));
});

test('a command reads as it would be typed', (t) => {
  t.is(commandText({ command: ['sh', '-c', 'echo a b'] }), 'sh -c "echo a b"');
  t.is(commandText({ command: 'sleep 5' }), 'sleep 5');
  t.is(commandText({ command: null }), '');
});
