/** What things of ours are called on a host. Each name is made from our id, so that what was made but not recorded is found. */

const prefix = 'cs-';

/** The domain's UUID is the server's too: a name could be given to another domain, a UUID cannot. */
export function domainName(serverId: string): string {
  return `${prefix}${serverId}`;
}

/** A domain is ours only when name and UUID say the same server. */
export function isOurs(name: string, uuid: string): boolean {
  return name === domainName(uuid);
}

/** Linux allows 15 characters; 11 digits of a random id are enough on one host. */
export function tapName(portId: string): string {
  return `tap${portId.slice(0, 11)}`;
}

/** Our own XML namespace, under which the domain remembers what it was made from. */
export const metadataUri = 'urn:cirrostack:server:1';
