/**
 * What a server is told about itself, as files: the metadata formats of OpenStack (nova/api/metadata) and EC2. Pure. The same
 * input gives the same bytes, so that making the drive again changes nothing.
 */
import { isIPv4 } from 'node:net';
import type { GuestPort } from '../drivers/driver.ts';
import { availabilityZone } from '../limits.ts';
import type { Server } from './server.ts';
import type { BootData } from './store.ts';

type Described = Pick<
  Server,
  'id' | 'name' | 'hostname' | 'projectId' | 'keyName' | 'metadata' | 'reservationId' | 'launchIndex' | 'imageId'
> & { flavorId: string };

/** Path inside the drive to content. */
export function configDrive(server: Described, boot: BootData, ports: readonly GuestPort[]): Record<string, string> {
  const metadata = JSON.stringify(openstackMetadata(server, boot, ports));
  const network = JSON.stringify(networkData(ports));
  const userData = boot.userData === null ? null : Buffer.from(boot.userData, 'base64').toString('utf8');
  const files: Record<string, string> = {};
  for (const version of ['latest', '2018-08-27']) {
    files[`openstack/${version}/meta_data.json`] = metadata;
    files[`openstack/${version}/network_data.json`] = network;
    files[`openstack/${version}/vendor_data.json`] = '{}';
    files[`openstack/${version}/vendor_data2.json`] = '{}';
    if (userData !== null) files[`openstack/${version}/user_data`] = userData;
  }
  boot.personality.forEach(({ contents }, i) => {
    files[`openstack/${contentPath(i)}`] = Buffer.from(contents, 'base64').toString('utf8');
  });
  const ec2 = JSON.stringify(ec2Metadata(server, boot, ports));
  for (const version of ['latest', '2009-04-04']) {
    files[`ec2/${version}/meta-data.json`] = ec2;
    if (userData !== null) files[`ec2/${version}/user-data`] = userData;
  }
  return files;
}

function openstackMetadata(server: Described, boot: BootData, ports: readonly GuestPort[]): object {
  const name = server.keyName ?? '';
  return {
    uuid: server.id,
    name: server.name,
    hostname: server.hostname,
    launch_index: server.launchIndex,
    availability_zone: availabilityZone,
    project_id: server.projectId,
    ...(boot.publicKey !== null && {
      public_keys: { [name]: boot.publicKey },
      keys: [{ name, type: 'ssh', data: boot.publicKey }],
    }),
    ...(Object.keys(server.metadata).length > 0 && { meta: server.metadata }),
    ...(boot.personality.length > 0 && {
      files: boot.personality.map(({ path }, i) => ({ content_path: `/${contentPath(i)}`, path })),
    }),
    random_seed: boot.randomSeed,
    ...(boot.adminPassword !== null && { admin_pass: boot.adminPassword }),
    devices: ports.map((port) => ({ type: 'nic', bus: 'none', address: 'none', mac: port.macAddress, tags: [] })),
    dedicated_cpus: [],
  };
}

function contentPath(index: number): string {
  return `content/${String(index).padStart(4, '0')}`;
}

/** Fixed addresses are written out: right on networks with DHCP as well as on those without. */
function networkData(ports: readonly GuestPort[]): object {
  const nameservers = [...new Set(ports.flatMap((port) => port.dnsServers))];
  const links = ports.map((port) => ({
    id: linkOf(port),
    vif_id: port.id,
    type: 'ovs',
    mtu: port.mtu,
    ethernet_mac_address: port.macAddress,
  }));
  const networks = ports
    .flatMap((port) => port.addresses.map((address) => ({ port, ...address })))
    .map(({ port, address, prefixLength, gateway }, i) => ({
      id: `network${i}`,
      link: linkOf(port),
      type: isIPv4(address) ? 'ipv4' : 'ipv6',
      ip_address: address,
      netmask: isIPv4(address) ? ipv4Mask(prefixLength) : ipv6Mask(prefixLength),
      routes: gateway === null ? [] : [defaultRoute(gateway)],
      services: port.dnsServers.map((server) => ({ type: 'dns', address: server })),
    }));
  return { links, networks, services: nameservers.map((address) => ({ type: 'dns', address })) };
}

function ec2Metadata(server: Described, boot: BootData, ports: readonly GuestPort[]): object {
  const address = ports.flatMap((port) => port.addresses).find((candidate) => isIPv4(candidate.address))?.address ?? '';
  return {
    'ami-id': `ami-${server.imageId.slice(0, 8)}`,
    'ami-launch-index': server.launchIndex,
    hostname: server.hostname,
    'instance-action': 'none',
    'instance-id': `i-${server.id.slice(0, 8)}`,
    'instance-type': server.flavorId,
    'local-hostname': server.hostname,
    'local-ipv4': address,
    placement: { 'availability-zone': availabilityZone },
    'public-hostname': server.hostname,
    'public-ipv4': '',
    'reservation-id': server.reservationId,
    ...(boot.publicKey !== null && {
      'public-keys': { '0': { _name: `0=${server.keyName ?? ''}`, 'openssh-key': boot.publicKey } },
    }),
  };
}

function linkOf(port: GuestPort): string {
  return `tap${port.id.slice(0, 11)}`;
}

function defaultRoute(gateway: string): object {
  return isIPv4(gateway)
    ? { network: '0.0.0.0', netmask: '0.0.0.0', gateway }
    : { network: '::', netmask: '::', gateway };
}

function ipv4Mask(prefixLength: number): string {
  const bits = prefixLength === 0 ? 0 : (0xffffffff << (32 - prefixLength)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

/** All eight groups written out. */
function ipv6Mask(prefixLength: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => {
    const ones = Math.max(0, Math.min(16, prefixLength - 16 * i));
    return ((0xffff << (16 - ones)) & 0xffff).toString(16);
  });
  return groups.join(':');
}
