import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute } from '../testing.ts';
import { reconcileThroughDeaths } from './deaths.ts';

const flavor = { id: 'disks', name: 'disks', ram: 64, vcpus: 1, disk: 1, 'OS-FLV-EXT-DATA:ephemeral': 3, swap: 512 };
const blank = { source_type: 'blank', destination_type: 'local', boot_index: -1, delete_on_termination: true };

test('a server has the ephemeral disks and the swap of its flavor, or those that it asks for', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, imageId, host, show } = await prepareCompute(t, cloud);
  await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  const root = { source_type: 'image', destination_type: 'local', uuid: imageId, boot_index: 0 };
  const usual = await createServer({ flavorRef: 'disks' });
  const chosen = await createServer({
    flavorRef: 'disks',
    imageRef: '',
    block_device_mapping_v2: [
      { ...root, delete_on_termination: true },
      { ...blank, volume_size: 1 },
      { ...blank, volume_size: '2', guest_format: 'vfat' },
      { ...blank, volume_size: 256, guest_format: 'swap' },
    ],
  });
  const newest = atVersion(cloud.as('member'), '2.96');
  const tagged = {
    name: 'w',
    imageRef: imageId,
    flavorRef: 'disks',
    networks: 'none',
    block_device_mapping_v2: [
      { ...root, tag: 'system' },
      { ...blank, tag: 'scratch' },
    ],
  };
  const { server } = (await newest.post('/compute/v2.1/servers', { server: tagged }, 202)) as {
    server: { id: string };
  };
  await cloud.settle();
  const disks = (id: string) =>
    host.servers.get(id)?.spec.localDisks?.map(({ kind, sizeMib, format, tag }) => [kind, sizeMib, format, tag]);
  t.deepEqual(disks(usual), [
    ['ephemeral', 3072, 'ext4', null],
    ['swap', 512, null, null],
  ]);
  t.deepEqual(disks(chosen), [
    ['ephemeral', 1024, 'ext4', null],
    ['ephemeral', 2048, 'vfat', null],
    ['swap', 256, null, null],
  ]);
  t.deepEqual(disks(server.id), [
    ['ephemeral', 3072, 'ext4', 'scratch'],
    ['swap', 512, null, null],
  ]);
  t.is((await show(chosen)).status, 'ACTIVE');
  t.like((await newest.get(`/compute/v2.1/servers/${usual}`)).server.flavor, { disk: 1, ephemeral: 3, swap: 512 });
  const claims = await cloud.db('compute_claims').where({ kind: 'server' }).pluck('disk_gib');
  t.deepEqual(claims.map(Number), [5, 5, 5]);
});

test('disks stay through a resize and back, are new after a rebuild, and survive every death', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, imageId, host, show } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const larger = { ...flavor, id: 'larger', name: 'larger', 'OS-FLV-EXT-DATA:ephemeral': 4, swap: 0, disk: 2 };
  for (const one of [flavor, larger]) await admin.post('/compute/v2.1/flavors', { flavor: one }, 200);
  const id = await createServer({ flavorRef: 'disks', block_device_mapping_v2: [{ ...blank, volume_size: 2 }] });
  t.true((await reconcileThroughDeaths(cloud, id)) >= 4);
  const act = async (action: object) => {
    await member.post(`/compute/v2.1/servers/${id}/action`, action, Object.hasOwn(action, 'confirmResize') ? 204 : 202);
    t.true((await reconcileThroughDeaths(cloud, id)) >= 4);
    return host.servers.get(id)?.spec;
  };
  const claimed = async () => Number((await cloud.db('compute_claims').where({ id }).first()).disk_gib);
  const before = host.servers.get(id)?.spec.localDisks;
  t.deepEqual(
    before?.map(({ sizeMib }) => sizeMib),
    [2048, 512],
  );
  const resized = await act({ resize: { flavorRef: 'larger' } });
  t.deepEqual([resized?.localDisks, resized?.rootDiskCopiedFrom], [[before?.[0]], 1]);
  t.is(await claimed(), 5 + 6);
  t.deepEqual((await act({ revertResize: null }))?.localDisks, before);
  t.is(await claimed(), 5);
  await act({ resize: { flavorRef: 'larger' } });
  await act({ confirmResize: null });
  t.is(await claimed(), 6);
  await member.post(`/compute/v2.1/servers/${id}/action`, { resize: { flavorRef: 'tiny' } }, 400);
  const stays = await admin.post(`/compute/v2.1/servers/${id}/action`, { migrate: null }, 400);
  t.regex(stays.badRequest.message, /the server is there already/, 'there is no other host');
  const rebuilt = await act({ rebuild: { imageRef: imageId } });
  t.deepEqual([rebuilt?.localDisks, rebuilt?.rootDiskCopiedFrom], [resized?.localDisks, null]);
  t.is((await show(id)).status, 'ACTIVE');
});

test('a block device that there is none of is refused, and says why', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId } = await prepareCompute(t, cloud);
  await cloud.as('admin').post('/compute/v2.1/flavors', { flavor }, 200);
  const root = { source_type: 'image', destination_type: 'local', uuid: imageId, boot_index: 0 };
  const other = '0f000000-0000-4000-8000-00000000000f';
  const cases: [object[], RegExp][] = [
    [[{ source_type: 'volume', destination_type: 'volume', uuid: other, boot_index: 0 }], /there are no volumes/],
    [[{ ...root, destination_type: 'volume', volume_size: 1 }], /there are no volumes/],
    [[{ source_type: 'snapshot', uuid: other }], /there are no volumes/],
    [[root, { ...blank, volume_size: 4 }], /Ephemeral disks requested are larger/],
    [[root, { ...blank, volume_size: 2 }, { ...blank, volume_size: 2 }], /Ephemeral disks requested are larger/],
    [[root, { ...blank, guest_format: 'swap', volume_size: 513 }], /Swap drive requested is larger/],
    [[root, { ...blank, guest_format: 'swap' }, { ...blank, guest_format: 'swap' }], /More than one swap drive/],
    [[root, { ...blank, guest_format: 'ntfs' }], /guest_format ntfs is not supported/],
    [[root, { ...blank, boot_index: 1 }], /Boot sequence/],
    [[root, root], /Boot sequence/],
    [[{ ...root, boot_index: -1 }], /Mapping image to local is not supported/],
    [[{ ...root, uuid: other }], /must be the image of the server/],
    [[{ ...root, uuid: null }], /Missing device UUID/],
    [[root, { ...blank, uuid: other }], /Invalid device UUID/],
    [[root, { ...blank, disk_bus: 'ide' }], /disk_bus ide/],
    [[root, { ...blank, device_type: 'cdrom' }], /device_type cdrom/],
    [[root, { ...blank, tag: 'x' }], /unexpected tag/],
    [[root, ...Array.from({ length: 8 }, () => blank)], /more local devices than the limit/],
    [[root, { ...blank, volume_size: -1 }], /volume_size/],
    [[root, { ...blank, volume_size: 'x' }], /volume_size/],
    [[root, { ...blank, source_type: 'nothing' }], /source_type/],
    [[root, { ...blank, device_name: '../x y' }], /device_name/],
    [[root, { ...blank, nonsense: 1 }], /nonsense/],
  ];
  const create = async (more: object) => {
    const server = { name: 'w', imageRef: imageId, flavorRef: 'disks', ...more };
    return (await cloud.as('member').post('/compute/v2.1/servers', { server }, 400)).badRequest.message;
  };
  for (const [devices, message] of cases) t.regex(await create({ block_device_mapping_v2: devices }), message);
  t.regex(await create({ block_device_mapping: [{ volume_id: other, device_name: 'vda' }] }), /there are no volumes/);
  const both = { block_device_mapping: [], block_device_mapping_v2: [root] };
  t.regex(await create(both), /different block_device_mapping syntaxes/);
  t.deepEqual((await cloud.as('member').get('/compute/v2.1/servers')).servers, []);
});
