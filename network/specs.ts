/** From rows to what the driver is asked for. Each reads what it needs at that moment; undefined when the row is gone. */
import type { Knex } from '../common/database/database.ts';
import { addressesStillHeld } from './addresses/holding.ts';
import { parseCidr } from './addresses/ip.ts';
import type {
  AddressWithPrefix,
  NetworkSpec,
  PortSpec,
  RouterSpec,
  SecurityGroupSpec,
  SubnetSpec,
} from './drivers/driver.ts';
import type { NetworkRow } from './networks/store.ts';
import type { Port } from './ports/port.ts';
import { type Leg, legsOf } from './routers/legs.ts';
import type { RouterRow } from './routers/store.ts';
import { type RuleRow, ruleFromRow } from './security-groups/store.ts';
import type { SubnetRow } from './subnets/store.ts';

export function networkSpec(row: NetworkRow): NetworkSpec {
  return {
    id: row.id,
    name: row.name,
    mtu: row.mtu,
    adminStateUp: row.admin_state_up,
    physicalNetwork: row.physical_network,
  };
}

export async function subnetSpec(db: Knex, row: SubnetRow): Promise<SubnetSpec> {
  const { mtu } = await db('networks').where({ id: row.network_id }).first('mtu');
  return {
    id: row.id,
    networkId: row.network_id,
    cidr: row.cidr,
    gatewayIp: row.gateway_ip,
    enableDhcp: row.enable_dhcp,
    dnsNameservers: row.dns_nameservers,
    hostRoutes: row.host_routes,
    mtu,
  };
}

export function portSpec(port: Port): PortSpec {
  return {
    id: port.id,
    name: port.name,
    networkId: port.networkId,
    macAddress: port.macAddress,
    fixedIps: port.fixedIps,
    adminStateUp: port.adminStateUp,
    portSecurityEnabled: port.portSecurityEnabled,
    securityGroupIds: port.securityGroupIds,
    allowedAddressPairs: port.allowedAddressPairs,
  };
}

export async function securityGroupSpec(db: Knex, id: string): Promise<SecurityGroupSpec> {
  const rows: RuleRow[] = await db('security_group_rules')
    .where({ security_group_id: id })
    .orderBy(['created_at', 'id']);
  return {
    id,
    rules: rows.map(ruleFromRow).map((rule) => ({
      id: rule.id,
      direction: rule.direction,
      ethertype: rule.ethertype,
      protocol: rule.protocol,
      portRangeMin: rule.portRangeMin,
      portRangeMax: rule.portRangeMax,
      remoteIpPrefix: rule.remoteIpPrefix,
      remoteGroupId: rule.remoteGroupId,
    })),
  };
}

/** `isWhole` is false when addresses are left out because the engine may still have them elsewhere. */
export async function routerSpec(db: Knex, row: RouterRow): Promise<{ spec: RouterSpec; isWhole: boolean }> {
  const allLegs = await legsOf(db, row.id);
  const allFloatingIps = await floatingIpsOf(db, row.id);
  const ports = [...allLegs.map((leg) => leg.portId), ...allFloatingIps.map((one) => one.holder)];
  const held = await addressesStillHeld(db, ports);
  const legs = allLegs.filter((leg) => !held.has(`${leg.portId} ${leg.address}`));
  const floatingIps = allFloatingIps.filter((one) => !held.has(`${one.holder} ${one.spec.floatingAddress}`));
  const gateway = legs.filter((leg) => leg.owner === 'network:router_gateway' && leg.portId === row.gateway_port_id);
  const interfaces = Map.groupBy(
    legs.filter((leg) => leg.owner === 'network:router_interface'),
    (leg) => leg.portId,
  );
  const [exit] = gateway;
  const spec: RouterSpec = {
    id: row.id,
    name: row.name,
    adminStateUp: row.admin_state_up,
    gateway: exit
      ? {
          portId: exit.portId,
          networkId: exit.networkId,
          macAddress: exit.macAddress,
          addresses: gateway.map(withPrefix),
          nextHop: exit.gatewayIp,
          enableSnat: row.enable_snat,
        }
      : null,
    interfaces: [...interfaces.values()].map((ofPort) => {
      const [first] = ofPort as [Leg];
      return {
        portId: first.portId,
        networkId: first.networkId,
        macAddress: first.macAddress,
        addresses: ofPort.map(withPrefix),
      };
    }),
    routes: row.routes,
    floatingIps: exit ? floatingIps.map((one) => one.spec) : [],
  };
  return { spec, isWhole: legs.length === allLegs.length && floatingIps.length === allFloatingIps.length };
}

function withPrefix({ address, cidr }: Leg): AddressWithPrefix {
  return { address, prefixLength: parseCidr(cidr)?.prefixLength ?? 32 };
}

async function floatingIpsOf(
  db: Knex,
  routerId: string,
): Promise<{ holder: string; spec: RouterSpec['floatingIps'][number] }[]> {
  const rows = await db('floating_ips')
    .where({ router_id: routerId })
    .orderBy('id')
    .select('id', 'port_id', 'floating_port_id')
    .select(db.raw('host(floating_address) as floating'), db.raw('host(fixed_address) as fixed'));
  return rows.map((row) => ({
    holder: row.floating_port_id,
    spec: { id: row.id, floatingAddress: row.floating, fixedAddress: row.fixed, portId: row.port_id },
  }));
}
