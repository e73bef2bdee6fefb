/** What an image asks of hosts and sizes holds for its servers for as long as they are, and for images of them. */
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, prepareCompute, uploadImage } from '../testing.ts';
import { startTwoHosts } from './moves/testing.ts';

const servers = '/compute/v2.1/servers';
const needsX = { 'trait:CUSTOM_X': 'required', note: 'keep me', cache_in_nova: 'yes', img_signature: 'abc' };

test('a server goes nowhere and comes back nowhere but where its image may be, and an administrator learns why', async (t) => {
  const { cloud, settle, createServer, show, hostOf, silence } = await startTwoHosts(t);
  const admin = cloud.as('admin');
  const member = cloud.as('member');
  const traits = (name: string, all: string[]) => cloud.db('compute_hosts').where({ name }).update({ traits: all });
  const act = (id: string, body: object, status: number, client = admin) =>
    client.post(`${servers}/${id}/action`, body, status);
  await traits('host-1', ['CUSTOM_X']);
  const imageRef = await uploadImage(t, cloud, { ...needsX, min_ram: 32 });
  const id = await createServer({ imageRef });
  await settle();
  t.is(await hostOf(id), 'host-1');
  await cloud.db('compute_hosts').update({ is_disabled: false });

  const { badRequest } = await act(id, { migrate: null }, 400);
  t.regex(badRequest.message, /RequiredTraitsFilter refused 1 host \(without the trait CUSTOM_X\)/);
  t.regex(badRequest.message, /Host by host: .*host-2: RequiredTraitsFilter: without the trait CUSTOM_X/);
  const told = cloud.logLines.map((line) => JSON.parse(line)).find(({ msg }) => msg === 'no valid host');
  t.like(told, { reason: badRequest.message.split(' Host by host')[0] });
  t.regex(told.details, /host-2: RequiredTraitsFilter/);
  const live = { 'os-migrateLive': { host: null, block_migration: 'auto' } };
  t.regex((await atVersion(admin, '2.30').post(`${servers}/${id}/action`, live, 400)).badRequest.message, /CUSTOM_X/);
  const form = { name: 'a', ram: 96, vcpus: 1, disk: 1 };
  const { flavor } = await admin.post('/compute/v2.1/flavors', { flavor: form }, 200);
  await cloud.db('compute_hosts').where({ name: 'host-1' }).update({ is_disabled: true }); // it cannot stay there
  const resize = await act(id, { resize: { flavorRef: flavor.id } }, 400, member);
  t.regex(resize.badRequest.message, /CUSTOM_X/);
  t.notRegex(resize.badRequest.message, /host-2/, 'names of hosts are for administrators');
  await silence('host-1', true);
  t.regex((await act(id, { evacuate: { onSharedStorage: false } }, 400)).badRequest.message, /CUSTOM_X/);
  await silence('host-1', false);
  await cloud.db('compute_hosts').update({ is_disabled: false });

  await act(id, { createImage: { name: 'kept' } }, 202, member);
  await settle();
  const [kept] = (await member.get('/image/v2/images?name=kept')).images;
  t.like(kept, { 'trait:CUSTOM_X': 'required', note: 'keep me', min_ram: 32, min_disk: 1, base_image_ref: imageRef });
  t.deepEqual(
    [kept.cache_in_nova, kept.img_signature],
    [undefined, undefined],
    'they were about the first image alone',
  );

  await act(id, { shelve: null }, 202, member);
  await settle();
  t.is((await show(id)).status, 'SHELVED_OFFLOADED');
  const [shelved] = (await member.get('/image/v2/images?name=web-shelved')).images;
  t.like(shelved, { 'trait:CUSTOM_X': 'required', note: 'keep me', min_ram: 32 });
  await traits('host-1', []);
  t.regex((await act(id, { unshelve: null }, 400, member)).badRequest.message, /CUSTOM_X/);
  await traits('host-2', ['CUSTOM_X']);
  await act(id, { unshelve: null }, 202, member);
  await settle();
  t.is((await show(id)).status, 'ACTIVE');
  t.is(await hostOf(id), 'host-2');
});

test('an image that no host can run gets no server, and no server is rebuilt to it', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show, imageId } = await prepareCompute(t, cloud);
  const member = cloud.as('member');
  const id = await createServer();
  await cloud.settle();
  const rebuild = (imageRef: string, status: number) =>
    member.post(`${servers}/${id}/action`, { rebuild: { imageRef } }, status);
  const wrong: [object, RegExp][] = [
    [needsX, /RequiredTraitsFilter refused 1 host \(without the trait CUSTOM_X\)/],
    [
      { hw_architecture: 'aarch64' },
      /ImagePropertiesFilter refused 1 host \(the image asks for hw_architecture aarch64/,
    ],
    [{ hypervisor_type: 'hyperv' }, /ImagePropertiesFilter .*img_hv_type hyperv/],
  ];
  for (const [properties, why] of wrong) {
    const imageRef = await uploadImage(t, cloud, properties);
    const homeless = await show(await createServer({ imageRef }));
    t.is(homeless.status, 'ERROR');
    t.regex(homeless.fault?.message ?? '', why);
    t.regex((await rebuild(imageRef, 400)).badRequest.message, why);
  }
  const told = cloud.logLines.filter((line) => line.includes('"no valid host"'));
  t.is(told.length, 2 * wrong.length);
  const senseless = await uploadImage(t, cloud, { hw_architecture: 'z80' });
  t.regex((await rebuild(senseless, 400)).badRequest.message, /^Invalid image metadata\. Error: hw_architecture/);
  t.like(await show(id), { status: 'ACTIVE', 'OS-EXT-STS:task_state': null });
  await rebuild(imageId, 202);
  await cloud.settle();
  t.is((await show(id)).status, 'ACTIVE');
});

test('a server is resized to what its image can be on, as it was when the server was made or rebuilt', async (t) => {
  const cloud = await startTestCloud(t);
  const { createServer, show } = await prepareCompute(t, cloud);
  const [admin, member] = [cloud.as('admin'), cloud.as('member')];
  const makeFlavor = async (ram: number, vcpus: number): Promise<string> => {
    const flavor = { name: `${ram} ${vcpus}`, ram, vcpus, disk: 1 };
    return (await admin.post('/compute/v2.1/flavors', { flavor }, 200)).flavor.id;
  };
  const [flavorRef, odd, even] = [await makeFlavor(256, 2), await makeFlavor(256, 3), await makeFlavor(128, 4)];
  const imageRef = await uploadImage(t, cloud, { min_ram: 128, hw_cpu_cores: '2' });
  const id = await createServer({ imageRef, flavorRef });
  await cloud.settle();
  const resize = (flavor: string, status: number) =>
    member.post(`${servers}/${id}/action`, { resize: { flavorRef: flavor } }, status);
  const tooSmall = await resize('tiny', 400);
  t.is(tooSmall.badRequest.message, "Flavor's memory is too small for requested image.");
  const { badRequest } = await resize(odd, 400);
  t.regex(badRequest.message, /^Invalid image metadata\. .*sockets, cores and threads that do not make 3 VCPUs/);
  await cloud.db('images').where({ id: imageRef }).update({ min_ram_mib: 0, properties: '{}' });
  await resize('tiny', 400);
  await resize(even, 202);
  await cloud.settle();
  t.is((await show(id)).status, 'VERIFY_RESIZE');
});
