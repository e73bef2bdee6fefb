/** The OpenStack layout (nova/api/metadata/base.py): what each version has, and what its files say. Pure. */
import { randomBytes } from 'node:crypto';
import { disksOf, type MetadataFacts, userDataOf } from './facts.ts';
import { networkData } from './network-data.ts';

export const openstackVersions = [
  '2012-08-10',
  '2013-04-04',
  '2013-10-17',
  '2015-10-15',
  '2016-06-30',
  '2016-10-06',
  '2017-02-22',
  '2018-08-27',
  '2020-10-14',
  '2025-04-04',
] as const;

/** What came with which version, in nova's names for them. */
const since = {
  grizzly: '2013-04-04',
  havana: '2013-10-17',
  liberty: '2015-10-15',
  newtonOne: '2016-06-30',
  newtonTwo: '2016-10-06',
  rocky: '2018-08-27',
  victoria: '2020-10-14',
} as const satisfies Record<string, (typeof openstackVersions)[number]>;

type Has = (first: keyof typeof since) => boolean;

/** What a file says: bytes as they are, an object as JSON. `password` is no file: it is asked and told. */
export type FileContent = Buffer | object | 'password';

/** Only the drive tells these: they are for one boot, or have to be the same at each making of it. */
export interface DriveSecrets {
  randomSeed: string;
  adminPassword: string | null;
}

/** The files of a version, in nova's order; undefined for a version that there is not. Each is made when it is asked for. */
export function openstackFiles(
  facts: MetadataFacts,
  asked: string,
  secrets?: DriveSecrets,
): ReadonlyMap<string, () => FileContent> | undefined {
  const version = asked === 'latest' ? openstackVersions.at(-1)! : asked;
  if (!(openstackVersions as readonly string[]).includes(version)) return undefined;
  const has: Has = (first) => version >= since[first];
  const files = new Map<string, () => FileContent>();
  files.set('meta_data.json', () => metaData(facts, has, secrets));
  const userData = userDataOf(facts);
  if (userData !== null) files.set('user_data', () => userData);
  if (has('grizzly')) files.set('password', () => 'password');
  if (has('havana')) files.set('vendor_data.json', () => facts.vendorData.fixed);
  if (has('liberty')) files.set('network_data.json', () => networkData(facts.links));
  if (has('newtonTwo'))
    files.set('vendor_data2.json', () => ({ static: facts.vendorData.fixed, ...facts.vendorData.dynamic }));
  return files;
}

function metaData(facts: MetadataFacts, has: Has, secrets?: DriveSecrets): object {
  const { server, boot, links, availabilityZone } = facts;
  const name = server.keyName ?? '';
  const { publicKey, personality } = boot;
  return {
    uuid: server.id,
    ...(Object.keys(server.metadata).length > 0 && { meta: server.metadata }),
    ...(personality.length > 0 && {
      files: personality.map(({ path }, i) => ({ content_path: `/content/${contentName(i)}`, path })),
    }),
    ...(secrets?.adminPassword && { admin_pass: secrets.adminPassword }),
    ...(publicKey !== null && {
      public_keys: { [name]: publicKey },
      keys: [{ name, type: 'ssh', data: publicKey }],
    }),
    hostname: server.hostname,
    name: server.name,
    launch_index: server.launchIndex,
    availability_zone: availabilityZone,
    ...(has('grizzly') && { random_seed: secrets?.randomSeed ?? randomBytes(512).toString('base64') }),
    ...(has('liberty') && { project_id: server.projectId }),
    ...(has('newtonOne') && {
      devices: [
        ...links.map(({ macAddress, tag }) => ({
          type: 'nic',
          bus: 'pci',
          address: 'none',
          mac: macAddress,
          tags: tag === null ? [] : [tag],
          ...(has('rocky') && { vf_trusted: false }),
        })),
        ...disksOf(facts).map(({ serial, path, bus, tag }) => ({
          type: 'disk',
          serial,
          path,
          bus: bus === 'virtio' ? 'pci' : bus,
          address: 'none',
          tags: tag === null ? [] : [tag],
        })),
      ],
    }),
    ...(has('victoria') && { dedicated_cpus: [] }),
  };
}

/** Injected files by their names below `content`, the same for all versions. */
export const injectedFiles = ({ boot }: Pick<MetadataFacts, 'boot'>): ReadonlyMap<string, Buffer> =>
  new Map(boot.personality.map(({ contents }, i) => [contentName(i), Buffer.from(contents, 'base64')]));

const contentName = (index: number) => String(index).padStart(4, '0');
