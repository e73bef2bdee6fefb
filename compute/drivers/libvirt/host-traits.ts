/** What of the host decides how guests are made. Found out once, when first needed. */
import { PermanentFailure } from '../../../common/errors.ts';
import type { LibvirtConnection } from './connection.ts';
import type { HostTraits } from './domain-xml.ts';
import type { QemuUser } from './guest-directory.ts';
import { libvirt } from './library.ts';
import { detectVirtualisation } from './virtualisation.ts';

export interface TraitOptions {
  /** Where the answer of the KVM check is kept until the next boot. */
  stateDirectory: string;
  integrationBridge: string;
  userspaceDatapath: boolean;
  emulator: string;
}

export interface Traits extends HostTraits {
  qemu: QemuUser;
}

export async function findTraits(connection: LibvirtConnection, options: TraitOptions): Promise<Traits> {
  const { emulator, integrationBridge, userspaceDatapath, stateDirectory } = options;
  const cacheFile = `${stateDirectory}/virtualisation.json`;
  const [capabilities, { virtualisation }] = await Promise.all([
    connection.run('tell what it can do', (session) => session.check(libvirt().capabilities(session.connection))),
    detectVirtualisation({ cacheFile, emulator }),
  ]);
  return { emulator, integrationBridge, userspaceDatapath, virtualisation, qemu: readQemuUser(capabilities) };
}

/** The user QEMU runs as, out of the capabilities' `dac` security model: qemu.conf, as libvirt understood it. */
export function readQemuUser(capabilities: string): QemuUser {
  const model = /<secmodel>\s*<model>dac<\/model>[\s\S]*?<\/secmodel>/.exec(capabilities)?.[0] ?? '';
  const label = /<baselabel type='(?:qemu|kvm)'>\+?(\d+):\+?(\d+)<\/baselabel>/.exec(model);
  if (label === null) {
    throw new PermanentFailure('libvirt does not tell which user it runs guests as: is its QEMU driver installed?');
  }
  return { uid: Number(label[1]), gid: Number(label[2]) };
}
