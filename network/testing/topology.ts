import type { Client, TestCloud } from '../../tests/cloud.ts';

export const base = '/network/v2.0';

/** An external network as an operator makes it: 172.24.4.0/24, with addresses from .100 to .109. */
export async function makeExternal(cloud: TestCloud, pool = { start: '172.24.4.100', end: '172.24.4.109' }) {
  const admin = cloud.as('admin');
  const { network } = await admin.post(`${base}/networks`, {
    network: {
      name: 'public',
      'router:external': true,
      'provider:network_type': 'flat',
      'provider:physical_network': 'external',
    },
  });
  const { subnet } = await admin.post(`${base}/subnets`, {
    subnet: {
      network_id: network.id,
      ip_version: 4,
      cidr: '172.24.4.0/24',
      gateway_ip: '172.24.4.1',
      enable_dhcp: false,
      allocation_pools: [pool],
    },
  });
  return { network, subnet };
}

/** A project's network with one subnet. */
export async function makeNetwork(owner: Client, cidr = '10.0.0.0/24', more: object = {}) {
  const { network } = await owner.post(`${base}/networks`, { network: { name: 'private', ...more } });
  const { subnet } = await owner.post(`${base}/subnets`, {
    subnet: { network_id: network.id, ip_version: 4, cidr, dns_nameservers: ['9.9.9.9'] },
  });
  return { network, subnet };
}

export async function makePort(owner: Client, networkId: string, more: object = {}, status = 201) {
  const { port } = await owner.post(`${base}/ports`, { port: { network_id: networkId, ...more } }, status);
  return port;
}

/** A router between a subnet and, if given, an external network. */
export async function makeRouter(owner: Client, subnetId: string, externalId?: string) {
  const gateway = externalId === undefined ? {} : { external_gateway_info: { network_id: externalId } };
  const { router } = await owner.post(`${base}/routers`, { router: { name: 'r', ...gateway } });
  await owner.put(`${base}/routers/${router.id}/add_router_interface`, { subnet_id: subnetId });
  return router;
}
