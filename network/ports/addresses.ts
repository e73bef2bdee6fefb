import type { Knex } from '../../common/database/database.ts';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { noAddressLeft, takeAddress, takeAnyAddress } from '../addresses/allocate.ts';
import { contains, parseCidr } from '../addresses/ip.ts';
import { InvalidInput, InvalidIpForNetwork, InvalidIpForSubnet } from '../errors.ts';
import { isUsable } from '../subnets/rules.ts';
import { subnetsOf } from '../subnets/store.ts';
import type { Subnet } from '../subnets/subnet.ts';

/** An address somebody asked for: this one, any of a subnet, or this one of that subnet. */
export interface WantedAddress {
  subnetId?: string;
  address?: string;
}

export const mostAddresses = 5; // Neutron's max_fixed_ips_per_port

/**
 * Takes the addresses that were asked for, or one of the network's first subnet that has any left when nothing was asked
 * (`undefined`). A port on a network without subnets has none.
 */
export async function allocate(
  trx: Knex,
  portId: string,
  networkId: string,
  wanted: readonly WantedAddress[] | undefined,
): Promise<void> {
  const subnets = await subnetsOf(trx, networkId);
  if (wanted === undefined) return await allocateOne(trx, portId, networkId, subnets);
  if (wanted.length > mostAddresses)
    throw new InvalidInput(
      `Invalid input for operation: Exceeded maximum amount of fixed ips per port (${mostAddresses}).`,
    );
  for (const { subnetId, address } of wanted) {
    const subnet = subnetFor(subnets, networkId, { subnetId, address });
    if (address !== undefined) await takeAddress(trx, portId, subnet, address);
    else if ((await takeAnyAddress(trx, portId, subnet)) === undefined) throw noAddressLeft(networkId);
  }
}

async function allocateOne(trx: Knex, portId: string, networkId: string, subnets: Subnet[]): Promise<void> {
  if (subnets.length === 0) return;
  for (const subnet of subnets) if ((await takeAnyAddress(trx, portId, subnet)) !== undefined) return;
  throw noAddressLeft(networkId);
}

function subnetFor(subnets: Subnet[], networkId: string, { subnetId, address }: WantedAddress): Subnet {
  if (subnetId === undefined && address === undefined)
    throw new BadRequest('Invalid input for fixed_ips: each needs an ip_address or a subnet_id.');
  if (subnetId !== undefined) {
    const subnet = subnets.find((one) => one.id === subnetId);
    if (!subnet) throw new NotFound('Subnet', subnetId); // of another network, or not there: one answer
    if (address !== undefined && !isUsable(subnet.cidr, address))
      throw new InvalidIpForSubnet(`IP address ${address} is not a valid IP for the specified subnet.`);
    return subnet;
  }
  const subnet = subnets.find((one) => {
    const cidr = parseCidr(one.cidr);
    return cidr && contains(cidr, address ?? '');
  });
  if (!subnet || !isUsable(subnet.cidr, address ?? ''))
    throw new InvalidIpForNetwork(
      `IP address ${address} is not a valid IP for any of the subnets on network ${networkId}.`,
    );
  return subnet;
}
