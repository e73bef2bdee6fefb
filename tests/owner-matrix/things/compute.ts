import { randomInt } from 'node:crypto';
import type { Knex } from '../../../common/database/database.ts';
import { changeHost, reportHost } from '../../../compute/hosts/store.ts';
import type { Making } from '../things.ts';
import { publicKey } from './public-key.ts';

const v21 = '/compute/v2.1';

interface Ground {
  flavor: string;
  project: string;
  image: string;
  network: string;
}

/** Numbers so large that they are seen where they should not be. */
async function countFromFar(db: Knex): Promise<void> {
  for (const table of ['compute_hosts', 'compute_aggregates', 'server_migrations'])
    await db.raw(`alter table ${table} alter column number restart with ${100_000_000 + randomInt(800_000_000)}`);
}

export async function makeComputeThings({ cloud, admin, owner, mark }: Making, ground: Ground) {
  await countFromFar(cloud.db);
  const flavor = async (id: string, isPublic: boolean): Promise<string> => {
    const fields = { id, name: id, ram: 64, vcpus: 1, disk: 1, 'os-flavor-access:is_public': isPublic };
    return (await admin.post(`${v21}/flavors`, { flavor: fields }, 200)).flavor.id;
  };
  const keypair = async (name: string): Promise<string> =>
    (await owner.post(`${v21}/os-keypairs`, { keypair: { name, public_key: publicKey } }, 200)).keypair.name;
  const server = async (name: string): Promise<string> => {
    const networks = [{ uuid: ground.network }];
    const { image: imageRef, flavor: flavorRef } = ground;
    const fields = { name: `${name}-${mark}`, imageRef, flavorRef, networks, metadata: { color: `blue-${mark}` } };
    return (await owner.post(`${v21}/servers`, { server: fields }, 202)).server.id;
  };
  const group = async (name: string): Promise<string> => {
    const fields = { name: `${name}-${mark}`, policies: ['anti-affinity'] };
    return (await owner.post(`${v21}/os-server-groups`, { server_group: fields }, 200)).server_group.id;
  };
  const aggregate = async (name: string): Promise<string> => {
    const fields = { name: `${name}-${mark}` };
    return String((await admin.post(`${v21}/os-aggregates`, { aggregate: fields }, 200)).aggregate.id);
  };
  const things = {
    serverGroup: await group('group'),
    spareServerGroup: await group('spare-group'),
    aggregate: await aggregate('aggregate'),
    spareAggregate: await aggregate('spare-aggregate'),
    ...(await makeHost(cloud.db, `idle-${mark}`)),
    privateFlavor: await flavor(`private-flavor-${mark}`, false),
    otherSize: await flavor(`other-size-${mark}`, false),
    spareFlavor: await flavor(`spare-flavor-${mark}`, false),
    keypair: await keypair(`keypair-${mark}`),
    spareKeypair: await keypair(`spare-keypair-${mark}`),
    server: await server('server'),
    spareServer: await server('spare'),
    secondSpareServer: await server('second'),
    movingServer: await server('moving'),
  };
  const access = { addTenantAccess: { tenant: ground.project } };
  for (const id of [things.privateFlavor, things.otherSize])
    await admin.post(`${v21}/flavors/${id}/action`, access, 200);
  const specs = { extra_specs: { 'hw:boot_menu': 'true' } };
  await admin.post(`${v21}/flavors/${things.privateFlavor}/os-extra_specs`, specs, 200);
  await cloud.settle();
  const attachments = `${v21}/servers/${things.server}/os-interface`;
  const attached = await owner.post(attachments, { interfaceAttachment: { net_id: ground.network } }, 200);
  const { interfaceAttachments } = await owner.get(attachments);
  await cloud.settle();
  await owner.request({
    method: 'PUT',
    path: `${v21}/servers/${things.server}/tags`,
    body: { tags: ['blue'] },
    headers: { 'openstack-api-version': 'compute 2.96' },
  });
  const { instanceActions } = await owner.get(`${v21}/servers/${things.server}/os-instance-actions`);
  const console = await owner.request({
    method: 'POST',
    path: `${v21}/servers/${things.server}/remote-consoles`,
    body: { remote_console: { protocol: 'serial', type: 'serial' } },
    headers: { 'openstack-api-version': 'compute 2.96' },
  });
  const consoleToken = new URL(console.body.remote_console.url).searchParams.get('token') ?? '';
  return {
    ...things,
    consoleToken,
    migration: await makeMigration(cloud.db, things.movingServer, mark),
    serverInterface: interfaceAttachments[0].port_id as string,
    spareServerInterface: attached.interfaceAttachment.port_id as string,
    serverAction: instanceActions[0].request_id as string,
  };
}

/** One that no guest is placed on, by the two ways in which the API names it. */
async function makeHost(db: Knex, name: string): Promise<{ computeService: string; spareComputeService: string }> {
  const facts = { hypervisorType: 'QEMU', hypervisorVersion: 1, virtualisation: 'kvm', cpuModel: '', architecture: '' };
  const size = { vcpus: 1, memoryMib: 1, diskGib: 1, address: '192.0.2.1' };
  const id = await reportHost(db, { name, ...size, ...facts }, null);
  await changeHost(db, id, { isDisabled: true });
  const { number } = await db('compute_hosts').where({ id }).first('number');
  return { computeService: id, spareComputeService: String(number) };
}

/** Of hosts whose agents are not here, so that nobody works on it. */
async function makeMigration(db: Knex, serverId: string, mark: string): Promise<string> {
  const hosts = { source_host: `from-${mark}`, destination_host: `to-${mark}` };
  const [row] = await db('server_migrations')
    .insert({ server_id: serverId, kind: 'live-migration', status: 'running', ...hosts })
    .returning('number');
  return String(row.number);
}
