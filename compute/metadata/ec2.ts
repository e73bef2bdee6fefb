/** EC2's layout (nova/api/metadata/base.py, `get_ec2_metadata`): a tree of names for each version. Pure. */
import { isIPv4 } from 'node:net';
import { disksOf, type MetadataFacts, userDataOf } from './facts.ts';

export const ec2Versions = [
  '1.0',
  '2007-01-19',
  '2007-03-01',
  '2007-08-29',
  '2007-10-10',
  '2007-12-15',
  '2008-02-01',
  '2008-09-01',
  '2009-04-04',
] as const;

/** A list is told line by line; `_name` is what a listing shows in place of the key. */
export type Tree = string | Buffer | string[] | { [name: string]: Tree };

/** Undefined for a version that there is not. */
export function ec2Tree(facts: MetadataFacts, asked: string): { [name: string]: Tree } | undefined {
  const at = (ec2Versions as readonly string[]).indexOf(asked === 'latest' ? ec2Versions.at(-1)! : asked);
  if (at < 0) return undefined;
  const has = (first: (typeof ec2Versions)[number]) => at >= ec2Versions.indexOf(first);
  const { server, boot, links, availabilityZone, publicIpv4, securityGroups } = facts;
  const address = links.flatMap((link) => link.addresses).find((one) => isIPv4(one.address))?.address ?? '';
  const userData = userDataOf(facts);
  return {
    'meta-data': {
      'ami-id': `ami-${server.imageId.slice(0, 8)}`,
      'ami-launch-index': String(server.launchIndex),
      'ami-manifest-path': 'FIXME', // nova says so, to all who ask
      'instance-id': `i-${server.id.slice(0, 8)}`,
      hostname: server.hostname,
      'local-ipv4': address,
      'reservation-id': server.reservationId,
      'security-groups': [...securityGroups],
      ...(boot.publicKey !== null && {
        'public-keys': { '0': { _name: `0=${server.keyName ?? ''}`, 'openssh-key': boot.publicKey } },
      }),
      ...(has('2007-01-19') && {
        'local-hostname': server.hostname,
        'public-hostname': server.hostname,
        'public-ipv4': publicIpv4,
      }),
      ...(has('2007-08-29') && { 'instance-type': server.flavorName }),
      ...(has('2007-12-15') && { 'block-device-mapping': blockDevices(facts) }),
      ...(has('2008-02-01') && { placement: { 'availability-zone': availabilityZone } }),
      ...(has('2008-09-01') && { 'instance-action': 'none' }),
    },
    ...(userData !== null && { 'user-data': userData }),
  };
}

/** By which cloud-init mounts them (nova/block_device.py). */
function blockDevices(facts: MetadataFacts): Tree {
  const [root, ...others] = disksOf(facts);
  const path = root?.path ?? '';
  return {
    ami: path.replace('/dev/', ''),
    root: path,
    ...Object.fromEntries(others.map((disk) => [disk.serial, disk.path])),
  };
}

/** What is at the end of a path; undefined when there is nothing. */
export function findIn(tree: Tree, path: readonly string[]): Tree | undefined {
  let found: Tree | undefined = tree;
  for (const name of path) {
    if (!isBranch(found)) return undefined;
    found = Object.hasOwn(found, name) ? found[name] : undefined;
  }
  return found;
}

/** As nova prints it (`ec2_md_print`). */
export function printed(tree: Tree): string | Buffer {
  if (Array.isArray(tree)) return tree.join('\n');
  if (!isBranch(tree)) return tree;
  return Object.entries(tree)
    .filter(([name]) => name !== '_name')
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, below]) => (isBranch(below) ? (below._name ?? `${name}/`) : name))
    .join('\n');
}

const isBranch = (tree: Tree | undefined): tree is { [name: string]: Tree } =>
  typeof tree === 'object' && !Array.isArray(tree) && !Buffer.isBuffer(tree);
