import { randomInt } from 'node:crypto';
import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { IpAddressGenerationFailure, IpAddressInUse } from '../errors.ts';
import { formatIpv4, type Pool, parseAddress } from './ip.ts';

/** What allocation needs to know of a subnet. */
export interface AddressSource {
  id: string;
  networkId: string;
  allocationPools: Pool[];
}

/**
 * Takes this address for the port, in the caller's transaction. Throws `IpAddressInUse`. The unique index is the arbiter:
 * of two transactions that want one address, the second waits for the first and then loses.
 */
export async function takeAddress(trx: Knex, portId: string, subnet: AddressSource, address: string): Promise<void> {
  await holdSubnet(trx, subnet.id);
  if (await insert(trx, portId, subnet.id, address)) return;
  throw new IpAddressInUse(
    `Unable to complete operation for network ${subnet.networkId}. The IP address ${address} is in use.`,
  );
}

/**
 * Takes a free address of the pools for the port and returns it; undefined when there is none. It is a random one: parallel
 * requests then rarely want the same, and an address is not handed out again right after its last holder is gone.
 */
export async function takeAnyAddress(trx: Knex, portId: string, subnet: AddressSource): Promise<string | undefined> {
  await holdSubnet(trx, subnet.id);
  const size = subnet.allocationPools.reduce((sum, pool) => sum + sizeOf(pool), 0);
  for (let attempt = 0; attempt < 8 && size > 0; attempt += 1) {
    const address = nth(subnet.allocationPools, randomInt(Math.min(size, 2 ** 32)));
    if (await insert(trx, portId, subnet.id, address)) return address;
  }
  for (;;) {
    const free = await freeAddresses(trx, subnet);
    const address = free[randomInt(Math.max(free.length, 1))];
    if (address === undefined) return undefined;
    if (await insert(trx, portId, subnet.id, address)) return address;
  }
}

/** The failure of a network whose pools are all used up. */
export function noAddressLeft(networkId: string): IpAddressGenerationFailure {
  return new IpAddressGenerationFailure(`No more IP addresses available on network ${networkId}.`);
}

/** Gives the port's addresses back. They are free at once; see `released` in the README for why that is safe. */
export async function releaseAddresses(trx: Knex, portId: string): Promise<void> {
  await trx('port_addresses').where({ port_id: portId }).update({ released: true });
}

/** Keeps the subnet from being deleted before the transaction ends. */
async function holdSubnet(trx: Knex, id: string): Promise<void> {
  const row = await trx('subnets').where({ id }).whereNull('deletion_requested_at').forKeyShare().first('id');
  if (row === undefined) throw new NotFound('Subnet', id);
}

async function insert(trx: Knex, portId: string, subnetId: string, address: string): Promise<boolean> {
  const rows = await trx('port_addresses')
    .insert({ port_id: portId, subnet_id: subnetId, address })
    .onConflict()
    .ignore()
    .returning('address');
  return rows.length > 0 || (await takeBack(trx, { port_id: portId, subnet_id: subnetId, address }));
}

/** An address that this port released and that the engine may still have there. */
async function takeBack(trx: Knex, address: { port_id: string; subnet_id: string; address: string }) {
  try {
    return await trx.transaction(
      async (nested) =>
        (await nested('port_addresses')
          .where({ ...address, released: true })
          .update({ released: false })) > 0,
    );
  } catch (error) {
    if (violatedConstraint(error) === 'port_addresses_key') return false; // somebody else's by now
    throw error;
  }
}

/** The first thousand free addresses, by asking PostgreSQL which of the pools' addresses nobody has. */
async function freeAddresses(trx: Knex, subnet: AddressSource): Promise<string[]> {
  const { rows } = await trx.raw(
    `select host(candidate) as address
       from jsonb_to_recordset(?::jsonb) as pool(start inet, size bigint),
            lateral (select pool.start + n as candidate from generate_series(0, pool.size - 1) as n) as candidates
      where not exists (select from port_addresses a
                         where a.subnet_id = ? and a.address = candidate and not a.released)
      limit 1000`,
    [JSON.stringify(subnet.allocationPools.map((pool) => ({ start: pool.start, size: sizeOf(pool) }))), subnet.id],
  );
  return rows.map((row: { address: string }) => row.address);
}

function sizeOf({ start, end }: Pool): number {
  return Number(numberOf(end) - numberOf(start)) + 1;
}

function nth(pools: readonly Pool[], index: number): string {
  let left = index;
  for (const pool of pools) {
    const size = sizeOf(pool);
    if (left < size) return formatIpv4(numberOf(pool.start) + BigInt(left));
    left -= size;
  }
  throw new RangeError('index past the pools');
}

function numberOf(address: string): bigint {
  const parsed = parseAddress(address);
  if (!parsed) throw new TypeError(`${address} in an allocation pool`);
  return parsed.value;
}
