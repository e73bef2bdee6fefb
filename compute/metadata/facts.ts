/** Everything that a server may be told about itself, however it asks. */
import type { Knex } from '../../common/database/database.ts';
import { type GuestLink, linksOf } from '../../network/metadata/links.ts';
import { addressesOf, securityGroupNamesOf } from '../../network/ports.ts';
import { zonesByHost } from '../aggregates/zones.ts';
import { namedDisks } from '../drivers/disk-names.ts';
import { availabilityZone } from '../limits.ts';
import { machineOf } from '../servers/machine.ts';
import type { Server } from '../servers/server.ts';
import { type BootData, getBootData } from '../servers/store.ts';
import type { VendorData } from './vendor-data.ts';

type Described = Pick<
  Server,
  | 'id'
  | 'name'
  | 'hostname'
  | 'projectId'
  | 'keyName'
  | 'metadata'
  | 'reservationId'
  | 'launchIndex'
  | 'imageId'
  | 'flavorName'
  | 'localDisks'
  | 'rootDiskTag'
  | 'rescueImageId'
>;

export interface MetadataFacts {
  server: Described;
  boot: BootData;
  links: readonly GuestLink[];
  availabilityZone: string;
  /** The first floating one; empty without any. */
  publicIpv4: string;
  securityGroups: readonly string[];
  vendorData: VendorData;
}

/** Of a server as it is now; what vendors say of it comes from elsewhere. */
export async function factsOf(db: Knex, server: Server): Promise<Omit<MetadataFacts, 'vendorData'>> {
  const [boot, links, addresses, groups, zones] = await Promise.all([
    getBootData(db, server.id),
    linksOf(db, server.id),
    addressesOf(db, [server.id]),
    securityGroupNamesOf(db, [server.id]),
    zonesByHost(db),
  ]);
  const floating = addresses.get(server.id)?.find(({ type, version }) => type === 'floating' && version === 4);
  return {
    server,
    boot,
    links,
    availabilityZone: zones.get(server.hostName ?? '') ?? availabilityZone,
    publicIpv4: floating?.address ?? '',
    securityGroups: groups.get(server.id) ?? [],
  };
}

/** As it was given, byte for byte. */
export const userDataOf = ({ boot }: Pick<MetadataFacts, 'boot'>): Buffer | null =>
  boot.userData === null ? null : Buffer.from(boot.userData, 'base64');

/** What is told of its disks: by what it finds them, and what they are for. */
export function disksOf({ server, boot }: Pick<MetadataFacts, 'server' | 'boot'>) {
  const { diskBus } = machineOf(boot.imageProperties);
  const { localDisks, rootDiskTag, rescueImageId } = server;
  const tags = [rootDiskTag, ...localDisks.map(({ tag }) => tag)];
  const named = namedDisks(localDisks, { diskBus, isRescued: rescueImageId !== null });
  return named.map((disk, i) => ({ ...disk, bus: diskBus ?? 'virtio', tag: tags[i] ?? null }));
}
