import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { reportHost } from '../hosts/store.ts';
import { atVersion, hostFacts, prepareCompute } from '../testing.ts';

const servers = '/compute/v2.1/servers';

test('a host that an administrator names is there, is named once, and is in its own zone', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId } = await prepareCompute(t, cloud);
  await reportHost(cloud.db, { name: 'h2', vcpus: 4, memoryMib: 2048, diskGib: 20, ...hostFacts }, null);
  const admin = atVersion(cloud.as('admin'), '2.96');
  const { aggregate } = await admin.post('/compute/v2.1/os-aggregates', {
    aggregate: { name: 'a', availability_zone: 'east' },
  });
  await admin.post(`/compute/v2.1/os-aggregates/${aggregate.id}/action`, { add_host: { host: 'h2' } });
  const create = (where: object, status: number, client = admin) => {
    const server = { name: 'w', imageRef: imageId, flavorRef: 'tiny', networks: 'none', ...where };
    return client.post(servers, { server }, status);
  };
  const refused: [object, RegExp][] = [
    [{ host: 'nowhere' }, /^Compute host nowhere could not be found\.$/],
    [{ hypervisor_hostname: 'nowhere' }, /^Compute host nowhere could not be found\.$/],
    [{ availability_zone: 'nova:nowhere' }, /^Compute host nowhere could not be found\.$/],
    [{ availability_zone: 'nova::nowhere' }, /^Compute host nowhere could not be found\.$/],
    [{ availability_zone: 'east:h2:host-1' }, /^Compute host h2 with node host-1 could not be found\.$/],
    [{ availability_zone: 'a:b:c:d' }, /Unable to parse availability_zone$/],
    [{ host: 'h2', availability_zone: 'east:h2' }, /are mutually exclusive\.$/],
    [{ hypervisor_hostname: 'h2', availability_zone: 'east:h2' }, /are mutually exclusive\.$/],
    [{ availability_zone: 'nowhere' }, /zone/],
  ];
  for (const [where, message] of refused) t.regex((await create(where, 400)).badRequest.message, message);
  await create({ availability_zone: 'east:h2' }, 403, atVersion(cloud.as('member'), '2.96'));
  await create({ availability_zone: 'a:b:c:d' }, 400, atVersion(cloud.as('member'), '2.96'));

  const places: [object, host: string, pinned: string | null][] = [
    [{ availability_zone: 'east:h2' }, 'h2', 'east'],
    [{ availability_zone: 'nova:h2' }, 'h2', null],
    [{ availability_zone: 'nowhere::h2' }, 'h2', null],
    [{ availability_zone: ':h2' }, 'h2', null],
    [{ host: 'h2', availability_zone: 'east' }, 'h2', 'east'],
    [{ host: 'h2' }, 'h2', null],
  ];
  for (const [where, host, zone] of places) {
    const { id } = (await create(where, 202)).server;
    const { server } = await admin.get(`${servers}/${id}`);
    t.like(server, { 'OS-EXT-SRV-ATTR:host': host, pinned_availability_zone: zone }, JSON.stringify(where));
  }
  const elsewhere = (await create({ host: 'h2', availability_zone: 'nova' }, 202)).server.id;
  t.is((await admin.get(`${servers}/${elsewhere}`)).server.status, 'ERROR', 'both were asked for, and no host is both');
});
