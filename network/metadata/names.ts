/** Every name that a host gives to what it needs for the metadata service of one network. All are made of the network's id alone. */
import { createHash } from 'node:crypto';

/** The name of the logical port, by which OVN finds the interface that answers for it. */
export const metadataPortName = (networkId: string) => `cs-meta-${networkId}`;

/** Of the port, the same on each host: a guest that moves goes on talking to it. Administered locally, as nobody's hardware is. */
export function metadataMac(networkId: string): string {
  const hash = createHash('sha256').update(`cirrostack metadata ${networkId}`).digest('hex');
  return `0a:${hash.slice(0, 10).match(/../g)!.join(':')}`;
}

/** Doors of a host are known by it, whoever made them. */
export const namespacePrefix = 'cs-meta-';
export const namespaceName = (networkId: string, prefix = namespacePrefix) => `${prefix}${networkId}`;
/** Undefined for a namespace of somebody else. */
export const networkOfNamespace = (name: string, prefix = namespacePrefix): string | undefined => {
  const id = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined;
};

/** The host's end of the pair; the kernel takes 15 characters. The other end is eth0 in the namespace. */
export const linkName = (networkId: string) => `csm${networkId.slice(0, 11)}`;

/** Set last, so that it says of what it is the end, and that all of it is there. bin/down --purge goes by its first word. */
export const linkAlias = (networkId: string, mtu: number) => `cirrostack metadata ${networkId} mtu ${mtu}`;
export const networkOfAlias = (alias: string): string | undefined => alias.match(/^cirrostack metadata (\S+) /)?.[1];

/** Among `external_ids` of the interface in Open vSwitch: the network's id. */
export const networkKey = 'cirrostack-metadata';
