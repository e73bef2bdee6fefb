/**
 * Interfaces of a guest that runs. What it is to lose is off the bridge at once: from then on nobody else's frames reach it, and
 * its own reach nobody. Letting go of the device is the guest's part, which it does when it likes, or by being started anew.
 */
import { Conflict, Unavailable } from '../../../common/errors.ts';
import type { ServerSpec } from '../driver.ts';
import { type HostTraits, networkInterface } from './domain-xml.ts';
import type { Domains } from './domains.ts';
import { errorCode, hasCode } from './errors.ts';
import type { GuestDirectory, QemuUser } from './guest-directory.ts';
import { affect, libvirt } from './library.ts';
import { tapName } from './names.ts';
import { runTool } from './tools.ts';
import { writeXml } from './xml.ts';

export interface Plugged {
  portId: string;
  /** libvirt's name of the device. */
  alias: string;
}

/** The interfaces in the XML of a running domain. */
export function readInterfaces(xml: string): Plugged[] {
  return [...xml.matchAll(/<interface\b.*?<\/interface>/gs)].flatMap(([text]) => {
    const portId = /\binterfaceid=["']([0-9a-f-]{36})["']/.exec(text)?.[1];
    const alias = /<alias name=["']([^"']+)["']/.exec(text)?.[1];
    return portId === undefined || alias === undefined ? [] : [{ portId, alias }];
  });
}

/**
 * Plugs in what the running guest is to have and plugs out what it is not. @throws Unavailable for an interface that it has not let
 * go of since it lost it, Conflict when it stopped meanwhile.
 */
export async function changeInterfaces(
  domains: Domains,
  directory: GuestDirectory,
  { id, ports, machine = {} }: Pick<ServerSpec, 'id' | 'ports' | 'machine'>,
  host: HostTraits & { qemu: QemuUser },
): Promise<void> {
  const doing = `change the interfaces of server ${id}`;
  const plugged = await domains.on(id, doing, async ({ check }, domain) =>
    readInterfaces(await check(libvirt().domainXml(domain, affect.current))),
  );
  if (plugged === undefined) return;
  const lost = plugged.filter(({ portId }) => !ports.some((port) => port.id === portId));
  const missing = ports.filter((port) => !plugged.some(({ portId }) => portId === port.id));
  const before = await directory.recordedTaps();
  const wanted = ports.map((port) => tapName(port.id));
  refuseUnreleased(plugged, wanted, before);
  // Before anything changes: what is plugged in is known to `remove`, and what is lost is not taken for connected ever after.
  if (before.join() !== wanted.join()) await directory.recordTaps(wanted, host.qemu);
  for (const { portId, alias } of lost) {
    await unplug([tapName(portId)]);
    await domains.on(id, doing, ({ check }, domain) =>
      // It may have been asked before, or be without anybody to answer: the network has let go of it all the same.
      check(libvirt().detachDeviceAlias(domain, alias, affect.live)).catch((error) => {
        const isUnderWay = [errorCode.internalError, errorCode.operationFailed, errorCode.deviceMissing];
        if (!hasCode(error, errorCode.operationInvalid, ...isUnderWay)) throw error;
      }),
    );
  }
  for (const port of missing) {
    const attached = await domains.on(id, `plug port ${port.id} into server ${id}`, ({ check }, domain) =>
      check(libvirt().attachDevice(domain, writeXml(networkInterface(port, host, machine)), affect.live)),
    );
    if (attached === undefined) throw new Conflict(`Server ${id} stopped while an interface was plugged in.`);
  }
}

/** A device that the guest is still to let go of would vanish under a port that was put on it again. */
function refuseUnreleased(plugged: readonly Plugged[], wanted: readonly string[], recorded: readonly string[]): void {
  const unreleased = plugged.find(({ portId }) => {
    const tap = tapName(portId);
    return wanted.includes(tap) && !recorded.includes(tap);
  });
  if (unreleased !== undefined)
    throw new Unavailable(
      `The guest has not let go of the interface of port ${unreleased.portId} yet, which it lost before: a hard reboot makes it do so.`,
    );
}

/** libvirt takes its ports off the bridge itself when their device goes; this is for those whose device stays or is gone unseen. */
export async function unplug(taps: string[]): Promise<void> {
  if (taps.length === 0) return;
  const removals = taps.flatMap((tap) => ['--', '--if-exists', 'del-port', tap]);
  await runTool('take ports off the bridge', 'ovs-vsctl', ['--timeout=10', ...removals]);
}
