/** What actions name, wrong in type, range, size and encoding, or not the caller's: refused in words, and nothing comes of it. */
import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { atVersion, makeUnusableFlavors, prepareCompute, uploadImage } from '../testing.ts';

const base = '/compute/v2.1/servers';

test('whatever is wrong with an action is refused with a word about it, and the server is as before', async (t) => {
  const cloud = await startTestCloud(t);
  const { imageId, createServer } = await prepareCompute(t, cloud);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const theirs = await strangersThings();
  const id = await createServer({ networks: [] });
  await cloud.settle();
  const base64 = (bytes: number) => Buffer.alloc(bytes, 'x').toString('base64');
  const rebuild = (changes: object) => ({ rebuild: { imageRef: imageId, ...changes } });
  /** The action's name, or the field, must be told where no other words are given. */
  const cases: [body: object, told: RegExp, status?: number][] = [
    [{ reboot: null }, /reboot/],
    [{ reboot: { type: 'GENTLE' } }, /type/],
    [{ reboot: { type: 'HARD', force: true } }, /force/],
    [rebuild({ imageRef: '' }), /imageRef/],
    [rebuild({ imageRef: 7 }), /imageRef/],
    [rebuild({ imageRef: theirs.image }), /Cannot find image for rebuild/],
    [rebuild({ imageRef: randomUUID() }), /Cannot find image for rebuild/],
    [rebuild({ key_name: theirs.key }), /key_name/],
    [rebuild({ user_data: '%%%' }), /[Uu]ser_?data/],
    [rebuild({ user_data: base64(65_536) }), /user_data/],
    [rebuild({ name: '' }), /name/],
    [rebuild({ name: 'x'.repeat(256) }), /name/],
    [rebuild({ name: '\u0000' }), /name/],
    [rebuild({ description: 5 }), /description/],
    [rebuild({ metadata: { a: 1 } }), /metadata/],
    [rebuild({ metadata: { a: 'x'.repeat(256) } }), /metadata/],
    [rebuild({ metadata: Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, 'v'])) }), /metadata/, 403],
    [rebuild({ accessIPv4: '::1' }), /accessIPv4/],
    [rebuild({ 'OS-DCF:diskConfig': 'SOMETIMES' }), /diskConfig/],
    [rebuild({ nonsense: 1 }), /nonsense/],
    [{ rescue: { rescue_image_ref: theirs.image } }, /Can not find requested image/],
    [{ rescue: { rescue_image_ref: 'x' } }, /rescue_image_ref/],
    [{ rescue: { adminPass: '' } }, /adminPass/],
    [{ resize: {} }, /flavorRef/],
    [{ resize: { flavorRef: '' } }, /flavorRef/],
    [{ resize: { flavorRef: theirs.flavor } }, /could not be found/],
    [{ resize: { flavorRef: theirs.deletedFlavor } }, /could not be found/],
    [{ resize: { flavorRef: 'tiny' } }, /must change flavor/],
    [{ liveResize: { flavorRef: theirs.deletedFlavor } }, /could not be found/],
    [{ createImage: { name: '' } }, /name/],
    [{ createImage: { name: 'x'.repeat(256) } }, /name/],
    [{ createImage: { name: 'i', metadata: { a: null } } }, /metadata/],
    [{ createBackup: { name: 'b', backup_type: 'daily' } }, /rotation/],
    [{ createBackup: { name: 'b', backup_type: 'daily', rotation: -1 } }, /rotation/],
    [{ createBackup: { name: 'b', backup_type: 5, rotation: 1 } }, /backup_type/],
    [{ changePassword: { adminPass: 7 } }, /adminPass/],
    [{ changePassword: { adminPass: 'x'.repeat(256) } }, /adminPass/],
    [{ addSecurityGroup: { name: theirs.group } }, /could not be found|not found/, 404],
    [{ addSecurityGroup: { name: '' } }, /name/],
    [{ 'os-getConsoleOutput': { length: -2 } }, /length/],
    [{ 'os-getConsoleOutput': { length: 'all' } }, /length/],
    [{ lock: { locked_reason: '' } }, /locked_reason/],
    [{ lock: { locked_reason: 'x'.repeat(256) } }, /locked_reason/],
    [{ trigger_crash_dump: {} }, /trigger_crash_dump/],
    [{ 'os-start': null, 'os-stop': null }, /exactly one action/],
    [{}, /exactly one action/],
    [{ 'os-begin': null }, /os-begin/],
  ];
  const forAdmins: [body: object, told: RegExp][] = [
    [{ migrate: { host: 'nowhere' } }, /nowhere could not be found/],
    [{ migrate: { host: 'host-1' } }, /the host where the server exists/],
    [{ migrate: { host: 5 } }, /host/],
    [{ 'os-migrateLive': { block_migration: 'auto', host: 'nowhere' } }, /nowhere could not be found/],
    [{ 'os-migrateLive': { block_migration: 'perhaps', host: null } }, /block_migration/],
    [{ 'os-migrateLive': { host: null } }, /block_migration/],
    [{ evacuate: { host: 'nowhere' } }, /nowhere could not be found/],
    [{ evacuate: { host: '' } }, /host/],
    [{ 'os-resetState': { state: 'stopped' } }, /state/],
  ];
  const before = await asItIs();
  const ask = async (who: typeof member, body: object, told: RegExp, status = 400) => {
    const newest = atVersion(who, '2.94');
    const answer = await newest.request({ method: 'POST', path: `${base}/${id}/action`, body });
    const what = JSON.stringify(body).slice(0, 120);
    t.is(answer.status, status, `${what}: ${answer.text}`);
    t.regex(answer.text, told, what);
  };
  for (const [body, told, status] of cases) await ask(member, body, told, status);
  for (const [body, told] of forAdmins) await ask(admin, body, told);
  for (const [body] of forAdmins.filter(([, told]) => /could not be found/.test(told.source)))
    await ask(member, body, /[Pp]olicy/, 403);

  const attach = (asked: object, status: number, told: RegExp) =>
    member
      .request({ method: 'POST', path: `${base}/${id}/os-interface`, body: { interfaceAttachment: asked } })
      .then((answer) => {
        t.is(answer.status, status, answer.text);
        t.regex(answer.text, told);
      });
  await attach({ port_id: theirs.port }, 404, /could not be found/);
  await attach({ net_id: theirs.network }, 404, /could not be found/);
  await attach({ port_id: 'x' }, 400, /port_id/);
  await attach({ net_id: theirs.network, fixed_ips: [{ ip_address: '300.0.0.1' }] }, 400, /ip_address|fixed_ips/);
  await attach({ port_id: theirs.port, net_id: theirs.network }, 400, /port_id|net_id/);
  t.deepEqual(await asItIs(), before);

  const quota_set = { cores: 2, ram: 100 };
  await admin.put(`/compute/v2.1/os-quota-sets/${member.projectId}`, { quota_set }, 200);
  const flavor = { id: 'more', name: 'more', ram: 128, vcpus: 4, disk: 1 };
  await admin.post('/compute/v2.1/flavors', { flavor }, 200);
  const over = await member.post(`${base}/${id}/action`, { resize: { flavorRef: 'more' } }, 403);
  const told = 'Quota exceeded for cores, ram: Requested 3, 64, but already used 1, 64 of 2, 100 cores, ram';
  t.is(over.forbidden.message, told);
  t.deepEqual(await asItIs(), before);

  async function asItIs() {
    const row = await cloud.db('servers').where({ id }).first();
    return [row, await cloud.db('server_boot_data').where({ server_id: id }).first(), await cloud.db('images').count()];
  }

  async function strangersThings() {
    const { network } = await stranger.post('/network/v2.0/networks', { network: { name: 'theirs' } });
    const { port } = await stranger.post('/network/v2.0/ports', { port: { network_id: network.id } });
    const group = await stranger.post('/network/v2.0/security-groups', { security_group: { name: 'theirs' } });
    const { keypair } = await stranger.post('/compute/v2.1/os-keypairs', { keypair: { name: 'theirs' } }, 200);
    await makeUnusableFlavors(admin);
    return {
      network: network.id,
      port: port.id,
      group: group.security_group.id,
      key: keypair.name,
      image: await uploadImage(t, cloud, { visibility: 'private' }),
      flavor: 'secret',
      deletedFlavor: 'past',
    };
  }
});
