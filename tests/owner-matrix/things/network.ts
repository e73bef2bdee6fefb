import { base, makePort } from '../../../network/testing/topology.ts';
import type { Making } from '../things.ts';

export async function makeNetworkThings({ owner, mark }: Making, { externalNetwork }: { externalNetwork: string }) {
  const make = async (collection: string, member: string, fields: object): Promise<string> =>
    (await owner.post(`${base}/${collection}`, { [member]: fields }))[member].id;
  const subnetOf = (network_id: string, cidr: string) =>
    make('subnets', 'subnet', { network_id, ip_version: 4, cidr, name: `subnet-${mark}` });
  const networkName = `network-${mark}`;
  const network = await make('networks', 'network', { name: networkName });
  const subnet = await subnetOf(network, '10.0.0.0/24');
  const securityGroupName = `group-${mark}`;
  const securityGroup = await make('security-groups', 'security_group', { name: securityGroupName });
  const ruleFor = (port: number) =>
    make('security-group-rules', 'security_group_rule', {
      security_group_id: securityGroup,
      direction: 'ingress',
      protocol: 'tcp',
      port_range_min: port,
      port_range_max: port,
      description: mark,
    });
  const port = async (name: string): Promise<string> => {
    const fixed_ips = [{ subnet_id: subnet }];
    const made = await makePort(owner, network, {
      name: `${name}-${mark}`,
      fixed_ips,
      security_groups: [securityGroup],
    });
    return made.id;
  };
  const routerFields = { name: `router-${mark}`, external_gateway_info: { network_id: externalNetwork } };
  const router = await make('routers', 'router', routerFields);
  await owner.put(`${base}/routers/${router}/add_router_interface`, { subnet_id: subnet });
  await owner.get(`${base}/auto-allocated-topology/${owner.projectId}`); // readers may ask where there is one
  const floating = { floating_network_id: externalNetwork, description: mark };
  const { floatingip } = await owner.post(`${base}/floatingips`, { floatingip: floating });
  const things = {
    network,
    networkName,
    subnet,
    securityGroup,
    securityGroupName,
    router,
    spareNetwork: await make('networks', 'network', { name: `spare-${mark}` }),
    looseSubnet: await subnetOf(network, '10.0.1.0/24'),
    spareSubnet: await subnetOf(network, '10.0.2.0/24'),
    port: await port('port'),
    routerPort: await port('router'),
    serverPort: await port('server'),
    interfacePort: await port('interface'),
    containerPort: await port('container'),
    sparePort: await port('spare'),
    spareRouter: await make('routers', 'router', { name: `spare-${mark}` }),
    floatingIp: floatingip.id as string,
    floatingAddress: floatingip.floating_ip_address as string,
    proxiedFloatingIp: await make('floatingips', 'floatingip', floating),
    spareFloatingIp: await make('floatingips', 'floatingip', floating),
    spareSecurityGroup: await make('security-groups', 'security_group', { name: `spare-${mark}` }),
    proxiedSecurityGroup: await make('security-groups', 'security_group', { name: `proxied-${mark}` }),
    securityGroupRule: await ruleFor(80),
    spareSecurityGroupRule: await ruleFor(81),
    proxiedSecurityGroupRule: await ruleFor(82),
  };
  for (const path of tagged(things)) await owner.put(`${base}/${path}/tags/blue`, undefined, 201);
  return things;
}

/** Everything that can have tags, by its path. */
function tagged(things: Record<'network' | 'subnet' | 'port' | 'router' | 'floatingIp' | 'securityGroup', string>) {
  const { network, subnet, port, router, floatingIp, securityGroup } = things;
  const paths = { networks: network, subnets: subnet, ports: port, routers: router, floatingips: floatingIp };
  return Object.entries({ ...paths, 'security-groups': securityGroup }).map(([path, id]) => `${path}/${id}`);
}
