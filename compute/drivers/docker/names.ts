/**
 * How our things are called in the engine and on the host, each made from our id so that what was made and not recorded is
 * found again.
 */
import { basename } from 'node:path';
import { isUuid } from '../../../common/ids.ts';

/** Says whose container it is. Together with the name, since an image may bring labels of its own. */
export const idLabel = 'cirrostack.id';
/** Labels beginning so are ours: a user may not set them. */
export const labelPrefix = 'cirrostack.';
/** Digest of what a container was made from and cannot be changed later; differs after a rebuild. */
export const digestLabel = 'cirrostack.made-from';

export const containerName = (id: string) => `cs-${id}`;

const repository = 'cirrostack/';
export const imageTag = (imageId: string) => `${repository}${imageId}:latest`;

/** Our image id of an engine's tag; undefined for one that is not ours. */
export function imageIdOf(tag: string): string | undefined {
  const id =
    tag.startsWith(repository) && tag.endsWith(':latest') ? tag.slice(repository.length, -':latest'.length) : '';
  return isUuid(id) ? id : undefined;
}

/** The host's end of a port's veth pair: what OVS holds. 14 of the 15 characters a Linux interface name may have. */
export const tapName = (portId: string) => `tap${portId.slice(0, 11)}`;
/** The guest's end, only while it is still on the host. */
export const peerName = (portId: string) => `vth${portId.slice(0, 11)}`;
/**
 * The alias of a tap: finds the taps of a container that OVS has forgotten or never knew, and says into which of its starts
 * one was plugged. Empty until then.
 */
export const tapAlias = (id: string, namespacePath = '') => `cirrostack ${id} ${basename(namespacePath)}`.trim();
/** Key in an OVS interface's external_ids: finds the OVS ports of a container whose taps have vanished. */
export const ownerKey = 'cirrostack-id';
