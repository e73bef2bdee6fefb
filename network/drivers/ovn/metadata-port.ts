/**
 * Where a network's guests meet the metadata service: a port of type `localport`, which is there on every host and whose frames
 * never leave one (ovn-nb(5)). A host answers at it by an interface whose `iface-id` is the port's name (network/metadata/).
 */
import { metadataMac, metadataPortName } from '../../metadata/names.ts';
import { derivedId, mark, NETWORK } from './names.ts';
import type { NorthboundChanges } from './plan.ts';

/** Answers to ARP for it, so that a guest needs no address of its own subnet to send to. */
export const METADATA_ADDRESS = '169.254.169.254';

const metadataPortId = (networkId: string) => derivedId('metadata port', networkId);

/** Of each network, also those whose guests nobody serves: which hosts have guests of it is not the engine's business. */
export function planMetadataPort(changes: NorthboundChanges, networkId: string): void {
  const portId = metadataPortId(networkId);
  changes.put('Logical_Switch_Port', portId, {
    name: metadataPortName(networkId),
    type: 'localport',
    addresses: new Set([`${metadataMac(networkId)} ${METADATA_ADDRESS}`]),
    external_ids: mark('part', { [NETWORK]: networkId }),
  });
  changes.mutateSet('Logical_Switch', networkId, 'ports', { add: [portId] });
}
