/** A first project with a member, a network behind a router, a security group, a server and a container. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { execute } from '../execute.ts';
import { becomes } from '../processes.ts';
import { type Client, findOrMake } from './client.ts';

export const demoName = 'demo';
const networkName = 'demo';
const subnetCidr = '10.0.0.0/24';
export const serverName = 'first-server';
export const containerName = 'first-container';

/** Project and user `demo`, the user a member of the project. */
export async function seedDemoProject(admin: Client, password: string): Promise<void> {
  const domain_id = 'default';
  const project = await findOrMake(admin, ['/identity/v3/projects', 'projects'], demoName, async () => {
    const asked = { name: demoName, domain_id, description: 'Made by bin/up to look around in' };
    return (await admin.post('/identity/v3/projects', { project: asked })).project;
  });
  const user = await findOrMake(admin, ['/identity/v3/users', 'users'], demoName, async () => {
    const options = { ignore_change_password_upon_first_use: true }; // nobody is there to change it
    const asked = { name: demoName, domain_id, password, default_project_id: project.id, options };
    return (await admin.post('/identity/v3/users', { user: asked })).user;
  });
  const { roles } = await admin.get('/identity/v3/roles?name=member');
  await admin.put(`/identity/v3/projects/${project.id}/users/${user.id}/roles/${roles[0].id}`);
}

export async function seedDemoNetwork(demo: Client, externalNetworkId: string): Promise<{ id: string }> {
  const network = await findOrMake(demo, ['/network/v2.0/networks', 'networks'], networkName, async () => {
    return (await demo.post('/network/v2.0/networks', { network: { name: networkName } })).network;
  });
  const subnet = await findOrMake(demo, ['/network/v2.0/subnets', 'subnets'], networkName, async () => {
    const dns_nameservers = await nameservers();
    const asked = { name: networkName, network_id: network.id, ip_version: 4, cidr: subnetCidr, dns_nameservers };
    return (await demo.post('/network/v2.0/subnets', { subnet: asked })).subnet;
  });
  const router = await findOrMake(demo, ['/network/v2.0/routers', 'routers'], networkName, async () => {
    const asked = { name: networkName, external_gateway_info: { network_id: externalNetworkId } };
    return (await demo.post('/network/v2.0/routers', { router: asked })).router;
  });
  const { ports } = await demo.get(`/network/v2.0/ports?device_id=${router.id}&network_id=${network.id}`);
  if (ports.length === 0) {
    await demo.put(`/network/v2.0/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id });
  }
  return network;
}

/** Those of this host that a guest can reach too. */
async function nameservers(): Promise<string[]> {
  const configuration = await readFile('/etc/resolv.conf', 'utf8').catch(() => '');
  const found = [...configuration.matchAll(/^nameserver\s+(\d+\.\d+\.\d+\.\d+)/gm)].map(([, address]) => address!);
  return found.filter((address) => !address.startsWith('127.')).slice(0, 2);
}

/** A security group that lets in what one wants to see first. */
export async function seedSecurityGroup(demo: Client): Promise<void> {
  const group = await findOrMake(demo, ['/network/v2.0/security-groups', 'security_groups'], demoName, async () => {
    const asked = { name: demoName, description: 'ping, ssh and http from everywhere' };
    return (await demo.post('/network/v2.0/security-groups', { security_group: asked })).security_group;
  });
  const wanted: [protocol: string, port: number | null][] = [
    ['icmp', null],
    ['tcp', 22],
    ['tcp', 80],
  ];
  const existing = group.security_group_rules as { protocol: string; port_range_min: number | null }[];
  for (const [protocol, port] of wanted) {
    if (existing.some((rule) => rule.protocol === protocol && rule.port_range_min === port)) continue;
    const rule = { security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol };
    const range = port === null ? {} : { port_range_min: port, port_range_max: port };
    await demo.post('/network/v2.0/security-group-rules', { security_group_rule: { ...rule, ...range } });
  }
}

/** A key made here, for the person who runs this host; its public half goes to the cloud. */
export async function seedKeypair(demo: Client, keyPath: string): Promise<void> {
  if (!existsSync(keyPath)) {
    await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'cirrostack demo', '-f', keyPath]);
  }
  const { keypairs } = await demo.get('/compute/v2.1/os-keypairs');
  if (keypairs.some(({ keypair }: { keypair: { name: string } }) => keypair.name === demoName)) return;
  const public_key = (await readFile(`${keyPath}.pub`, 'utf8')).trim();
  await demo.post('/compute/v2.1/os-keypairs', { keypair: { name: demoName, public_key } });
}

export interface ServerChoices {
  flavorName: string;
  imageId: string;
  networkId: string;
  externalNetworkId: string;
}

/** Removes a guest that an earlier attempt could not make, so that this one may. */
async function removeFailed(demo: Client, [list, key]: [string, string], name: string): Promise<void> {
  const failed = async () => {
    const guests = (await demo.get(`${list}?name=${name}`))[key] as {
      id: string;
      uuid: string;
      name: string;
      status: string;
    }[];
    return guests.filter((guest) => guest.name === name && guest.status.toUpperCase() === 'ERROR');
  };
  const path = list.replace(/\/detail$/, '');
  for (const { id, uuid } of await failed()) await demo.delete(`${path}/${id ?? uuid}`);
  if (!(await becomes(async () => (await failed()).length === 0, 60, 200)))
    throw new Error(`${name} cannot be removed`);
}

/** Boots the server, waits until it runs, and gives it a floating IP. @throws Error with the cloud's own reason. */
export async function seedServer(demo: Client, choices: ServerChoices): Promise<void> {
  await removeFailed(demo, ['/compute/v2.1/servers/detail', 'servers'], serverName);
  const { flavors } = await demo.get('/compute/v2.1/flavors');
  const flavor = flavors.find(({ name }: { name: string }) => name === choices.flavorName);
  const { id } = await findOrMake(demo, ['/compute/v2.1/servers', 'servers'], serverName, async () => {
    const asked = {
      name: serverName,
      flavorRef: flavor.id,
      imageRef: choices.imageId,
      networks: [{ uuid: choices.networkId }],
      security_groups: [{ name: demoName }],
      key_name: demoName,
      config_drive: true,
    };
    return (await demo.post('/compute/v2.1/servers', { server: asked })).server;
  });
  await settled('server', async () => {
    const { server } = await demo.get(`/compute/v2.1/servers/${id}`);
    return { done: server.status !== 'BUILD', failed: server.status === 'ERROR' ? server.fault?.message : undefined };
  });
  const { ports } = await demo.get(`/network/v2.0/ports?device_id=${id}`);
  const port_id = ports[0].id;
  const { floatingips } = await demo.get(`/network/v2.0/floatingips?port_id=${port_id}`);
  if (floatingips.length > 0) return;
  const floatingip = { floating_network_id: choices.externalNetworkId, port_id };
  await demo.post('/network/v2.0/floatingips', { floatingip });
}

/** Runs the container and waits until it does. @throws Error with the cloud's own reason. */
export async function seedContainer(demo: Client, imageId: string, networkId: string): Promise<void> {
  await removeFailed(demo, ['/container/v1/containers', 'containers'], containerName);
  const { uuid: id } = await findOrMake(demo, ['/container/v1/containers', 'containers'], containerName, () =>
    demo.post('/container/v1/containers?run=true', {
      name: containerName,
      image: imageId,
      image_driver: 'glance',
      nets: [{ network: networkId }],
      security_groups: [demoName],
    }),
  );
  await settled('container', async () => {
    const container = await demo.get(`/container/v1/containers/${id}`);
    return {
      done: !['Creating', 'Created', 'Starting', 'Restarting'].includes(container.status),
      failed: container.status === 'Error' ? container.status_reason : undefined,
    };
  });
}

export interface DemoGuest {
  name: string;
  status: string;
  fixedAddresses: string[];
  floatingAddresses: string[];
}

/** What is there of the server and the container now. */
export async function describeDemo(demo: Client): Promise<DemoGuest[]> {
  const { servers } = await demo.get(`/compute/v2.1/servers/detail?name=${serverName}`);
  const { containers } = await demo.get(`/container/v1/containers?name=${containerName}`);
  const guests = [...servers, ...containers] as {
    name: string;
    status: string;
    addresses: Record<string, { addr: string; 'OS-EXT-IPS:type'?: string }[]>;
  }[];
  return guests
    .filter(({ name }) => name === serverName || name === containerName)
    .map(({ name, status, addresses }) => {
      const all = Object.values(addresses ?? {}).flat();
      const of = (floating: boolean) =>
        all.filter((each) => (each['OS-EXT-IPS:type'] === 'floating') === floating).map(({ addr }) => addr);
      return { name, status, fixedAddresses: of(false), floatingAddresses: of(true) };
    });
}

async function settled(what: string, look: () => Promise<{ done: boolean; failed?: string }>): Promise<void> {
  let seen: { done: boolean; failed?: string } = { done: false };
  const done = async () => {
    seen = await look();
    return seen.done;
  };
  if (!(await becomes(done, 300, 200))) throw new Error(`the ${what} is still being made after 300 s`);
  if (seen.failed !== undefined) throw new Error(`the ${what} failed: ${seen.failed}`);
}
