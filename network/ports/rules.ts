import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import { contains, parseCidr } from '../addresses/ip.ts';
import { AddressPairAndPortSecurityRequired, InvalidInput } from '../errors.ts';
import type { Network } from '../networks/network.ts';
import { subnetsOf } from '../subnets/store.ts';
import type { AddressPair } from './port.ts';

const mostPairs = 10; // Neutron's max_allowed_address_pair
const metadataAddress = '169.254.169.254';

/** A unicast MAC address in lower case; throws `InvalidInput`. */
export function checkedMacAddress(text: string): string {
  const mac = text.toLowerCase();
  const isMac = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) && mac !== '00:00:00:00:00:00';
  if (!isMac || (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1)
    throw new InvalidInput(`Invalid input for mac_address. Reason: '${text}' is not a valid MAC address.`);
  return mac;
}

export interface AskedPair {
  ip_address: string;
  mac_address?: string;
}

/** Pairs in their one form, each once. Throws `InvalidInput` or `BadRequest`. */
export function checkedPairs(asked: readonly AskedPair[], portSecurityEnabled: boolean): AddressPair[] {
  if (asked.length === 0) return [];
  if (!portSecurityEnabled)
    throw new AddressPairAndPortSecurityRequired(
      'Port Security must be enabled in order to have allowed address pairs on a port.',
    );
  if (asked.length > mostPairs)
    throw new BadRequest(`The number of allowed address pairs exceeds the maximum ${mostPairs}.`);
  const pairs = asked.map(({ ip_address: address, mac_address: mac }) => {
    if (!parseCidr(address))
      throw new InvalidInput(
        `Invalid input for allowed_address_pairs. Reason: '${address}' is not a valid IP address.`,
      );
    return { address, macAddress: mac === undefined ? null : checkedMacAddress(mac) };
  });
  if (new Set(pairs.map((pair) => `${pair.address} ${pair.macAddress}`)).size !== pairs.length)
    throw new BadRequest('Request contains duplicate address pair.');
  return pairs;
}

/**
 * Pairs let a guest answer for further addresses, so they may never cover what others rely on: the gateway, the metadata
 * service, or on a shared network another project's port. A pair as wide as 0.0.0.0/0 covers the gateway. Throws `Forbidden`.
 */
export async function refuseCapture(
  trx: Knex,
  network: Network,
  projectId: string,
  pairs: AddressPair[],
): Promise<void> {
  if (pairs.length === 0) return;
  const gateways = (await subnetsOf(trx, network.id)).flatMap((subnet) => subnet.gatewayIp ?? []);
  for (const { address } of pairs) {
    const range = parseCidr(address);
    const taken = range && [...gateways, metadataAddress].find((one) => contains(range, one));
    if (taken)
      throw new Forbidden(
        `The allowed address pair ${address} would cover ${taken}, which all guests of the network rely on.`,
      );
    if (!network.shared || range?.version !== 4) continue;
    const foreign = await trx('port_addresses as a')
      .join('ports as p', 'p.id', 'a.port_id')
      .where('p.network_id', network.id)
      .whereNot('p.project_id', projectId)
      .whereNull('p.deletion_requested_at')
      .whereRaw('a.address <<= network(?::inet)', [address])
      .first('p.id');
    if (foreign)
      throw new Forbidden(
        `The allowed address pair ${address} would cover an address of another port on the shared network.`,
      );
  }
}
