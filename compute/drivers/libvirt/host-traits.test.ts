import test from 'ava';
import { readQemuUser } from './host-traits.ts';

const capabilities = (models: string) => `<capabilities><host>${models}</host></capabilities>`;
const dac = `<secmodel>
  <model>dac</model>
  <doi>0</doi>
  <baselabel type='kvm'>+64055:+109</baselabel>
  <baselabel type='qemu'>+64055:+109</baselabel>
</secmodel>`;

test("QEMU's user is read where libvirt tells it, beside any other security model", (t) => {
  const apparmor = `<secmodel><model>apparmor</model><doi>0</doi><baselabel type='qemu'>none</baselabel></secmodel>`;
  t.deepEqual(readQemuUser(capabilities(dac)), { uid: 64055, gid: 109 });
  t.deepEqual(readQemuUser(capabilities(apparmor + dac)), { uid: 64055, gid: 109 });
});

test('a libvirt that does not run QEMU is told apart', (t) => {
  t.throws(() => readQemuUser(capabilities('<secmodel><model>none</model></secmodel>')), { message: /QEMU driver/ });
});
