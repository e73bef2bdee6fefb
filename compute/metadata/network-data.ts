/** `network_data.json` (nova/virt/netutils.py, `get_network_metadata`; its schema is doc/api_schemas/network_data.json of nova). */
import { isIPv4 } from 'node:net';
import type { GuestLink, LinkAddress } from '../../network/metadata/links.ts';

/** An address that DHCP gives is not written out: a guest that took it from here would not ask, and would miss its routes. */
export function networkData(links: readonly GuestLink[]): object {
  const networks = links
    .flatMap((link) => link.addresses.map((address) => ({ link, address })))
    .map(({ link, address }, index) => ({
      id: `network${index}`,
      link: linkName(link),
      network_id: link.networkId,
      ...addressView(address),
    }));
  const servers = links.flatMap(({ addresses }) => addresses.flatMap(({ dnsServers }) => dnsServers));
  return {
    links: links.map((link) => ({
      id: linkName(link),
      vif_id: link.portId,
      type: 'ovs',
      mtu: link.mtu,
      ethernet_mac_address: link.macAddress,
    })),
    networks,
    services: [...new Set(servers)].map(nameService),
  };
}

function addressView({ address, prefixLength, gateway, isByDhcp, dnsServers, routes }: LinkAddress): object {
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  if (isByDhcp) return { type: `${family}_dhcp` };
  return {
    type: family,
    ip_address: address,
    netmask: netmask(family, prefixLength),
    routes: [
      ...(gateway === null ? [] : [route(family === 'ipv4' ? '0.0.0.0/0' : '::/0', gateway)]),
      ...routes.map(({ destination, nexthop }) => route(destination, nexthop)),
    ],
    services: dnsServers.map(nameService),
  };
}

const nameService = (address: string) => ({ type: 'dns', address });

const linkName = ({ portId }: GuestLink) => `tap${portId.slice(0, 11)}`;

function route(destination: string, gateway: string): object {
  const [network = '', prefixLength = ''] = destination.split('/');
  return { network, netmask: netmask(isIPv4(network) ? 'ipv4' : 'ipv6', Number(prefixLength)), gateway };
}

function netmask(family: 'ipv4' | 'ipv6', prefixLength: number): string {
  if (family === 'ipv4') {
    const bits = prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
    return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
  }
  if (prefixLength === 0) return '::';
  const groups = Array.from({ length: 8 }, (_, i) => {
    const ones = Math.max(0, Math.min(16, prefixLength - 16 * i));
    return ((0xffff << (16 - ones)) & 0xffff).toString(16);
  });
  return groups.join(':');
}
