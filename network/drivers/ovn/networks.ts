/**
 * A network is a logical switch with a port where the metadata service is; a provider network has a port of type `localnet` too,
 * which is the hosts' bridge.
 */
import type { NetworkSpec } from '../driver.ts';
import { planMetadataPort } from './metadata-port.ts';
import { derivedId, mark, NETWORK, networkName, physicalPortId, physicalPortName } from './names.ts';
import type { NorthboundChanges } from './plan.ts';

/** The highest there is: an administrator's "down" is above every security group. */
const DOWN_PRIORITY = 32_767;

export function planNetwork(changes: NorthboundChanges, spec: NetworkSpec): void {
  changes.put('Logical_Switch', spec.id, { name: networkName(spec.id), external_ids: mark('network') });
  planMetadataPort(changes, spec.id);
  planPhysicalPort(changes, spec);
  planAdminState(changes, spec);
}

/** Its ports go with it. */
export function planNetworkRemoval(changes: NorthboundChanges, id: string): void {
  changes.delete('Logical_Switch', id);
}

function planPhysicalPort(changes: NorthboundChanges, { id, physicalNetwork }: NetworkSpec): void {
  const portId = physicalPortId(id);
  if (physicalNetwork === null) {
    changes.mutateSet('Logical_Switch', id, 'ports', { remove: [portId] });
    return;
  }
  changes.put('Logical_Switch_Port', portId, {
    name: physicalPortName(id),
    type: 'localnet',
    addresses: new Set(['unknown']),
    options: { network_name: physicalNetwork },
    external_ids: mark('part', { [NETWORK]: id }),
  });
  changes.mutateSet('Logical_Switch', id, 'ports', { add: [portId] });
}

/** The provider network that the network is; undefined when it is none. */
export const physicalNetworkOf = (changes: NorthboundChanges, networkId: string): string | undefined =>
  changes.tables.find('Logical_Switch_Port', physicalPortId(networkId))?.options.network_name;

/** OVN's switches have no switch of their own: one that is down drops everything. */
function planAdminState(changes: NorthboundChanges, { id, adminStateUp }: NetworkSpec): void {
  const directions = adminStateUp ? [] : (['from-lport', 'to-lport'] as const);
  const acls = directions.map((direction) => {
    const acl = derivedId('network down', id, direction);
    changes.put('ACL', acl, {
      direction,
      priority: DOWN_PRIORITY,
      match: '1',
      action: 'drop',
      external_ids: mark('part'),
    });
    return acl;
  });
  changes.replaceSet('Logical_Switch', id, 'acls', new Set(acls));
}
