import test from 'ava';
import { adminUserOf, hasGuestAgent, machineProperties, shutdownSecondsOf } from './image-properties.ts';

test('what an image says of its machine is kept, and read as Nova reads it', (t) => {
  t.deepEqual(machineProperties({ hw_qemu_guest_agent: 'yes', os_type: 'linux', note: 'x', how: 'y' }), {
    hw_qemu_guest_agent: 'yes',
    os_type: 'linux',
  });
  for (const word of ['yes', 'True', '1', 'on']) t.true(hasGuestAgent({ hw_qemu_guest_agent: word }), word);
  for (const word of ['no', '', '2']) t.false(hasGuestAgent({ hw_qemu_guest_agent: word }), word);
  t.false(hasGuestAgent({}));
  t.is(adminUserOf({}), 'root');
  t.is(adminUserOf({ os_type: 'windows' }), 'Administrator');
  t.is(adminUserOf({ os_type: 'windows', os_admin_user: 'bob' }), 'bob');
});

test('an image says how long its guest may take to shut down, within what a host waits', (t) => {
  t.is(shutdownSecondsOf({ os_shutdown_timeout: '0' }), 0);
  t.is(shutdownSecondsOf({ os_shutdown_timeout: '90' }), 90);
  t.is(shutdownSecondsOf({ os_shutdown_timeout: '86400' }), 300);
  t.is(shutdownSecondsOf({}), undefined);
  t.is(shutdownSecondsOf({ os_shutdown_timeout: 'soon' }), undefined);
});
