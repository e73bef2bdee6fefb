import test from 'ava';
import { adminUserOf, hasGuestAgent, inheritableProperties, shutdownSecondsOf } from './image-properties.ts';

test('what an image says of its machine is kept, and read as Nova reads it', (t) => {
  const kept = {
    hw_qemu_guest_agent: 'yes',
    os_type: 'linux',
    'trait:CUSTOM_X': 'required',
    img_hv_type: 'kvm',
    note: 'x',
  };
  const itsOwn = { img_signature: 'x', img_signature_hash_method: 'y', bittorrent: 'true', os_glance_importing: 'a' };
  t.deepEqual(inheritableProperties({ ...kept, ...itsOwn, mappings: '[]', backup_type: 'daily' }), kept);
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
