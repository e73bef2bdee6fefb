import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BadRequest } from '../../common/errors.ts';
import { prepareCompute } from '../../compute/testing.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { direct, stage } from '../import/testing.ts';
import { images, patch, rawBare, until } from '../testing.ts';

const rules = `
[^secret_]
create = admin
read = admin
update = admin
delete = admin
[^billing_]
create = admin,member
read = @
update = admin
delete = !
[.*]
create = @
read = @
update = @
delete = @
`;

async function fileWith(t: ExecutionContext, content: string, name = 'property-protections.conf'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-protection-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await writeFile(join(directory, name), content);
  return join(directory, name);
}

test('what a property is protected from, nobody does by any way', async (t) => {
  const propertyProtectionFile = await fileWith(t, rules);
  const cloud = await startTestCloud(t, { propertyProtectionFile, importInjectProperties: '{"secret_import":"yes"}' });
  const [admin, member, reader] = [cloud.as('admin'), cloud.as('member'), cloud.as('reader')];

  await member.post(images, { secret_key: 'x' }, 403);
  const { id } = await member.post(images, { ...rawBare, name: 'one', billing_code: '7', free: 'yes' });
  const change = (client: typeof member, op: string, name: string, value?: string) =>
    patch(client, id, [{ op, path: `/${name}`, ...(value !== undefined && { value }) }]);
  t.is((await change(admin, 'add', 'secret_key', 'hidden')).body.secret_key, 'hidden');

  const shown = await member.get(`${images}/${id}`);
  t.like(shown, { billing_code: '7', free: 'yes', secret_key: undefined });
  const listed = async (client: typeof member, query = '') => (await client.get(`${images}${query}`)).images;
  for (let time = 0; time < 2; time++) {
    t.deepEqual(await listed(member), [shown], 'also the second time, from memory');
    t.deepEqual(await listed(reader), [shown]);
    t.is((await listed(admin))[0].secret_key, 'hidden');
  }
  t.deepEqual(await listed(member, '?secret_key=hidden'), [], 'nobody guesses a value by filters');
  t.deepEqual(await listed(member, '?secret_key=hidden&free=yes'), []);
  t.is((await listed(admin, '?secret_key=hidden')).length, 1);

  for (const [op, name, value, status] of [
    ['add', 'secret_key', 'mine', 403],
    ['add', 'secret_other', 'mine', 403],
    ['replace', 'secret_key', 'mine', 409],
    ['remove', 'secret_key', undefined, 409],
    ['replace', 'billing_code', '8', 403],
    ['remove', 'billing_code', undefined, 403],
    ['add', 'billing_unit', 'h', 200],
    ['replace', 'free', 'no', 200],
    ['remove', 'free', undefined, 200],
  ] as const) {
    const { status: answered, body } = await change(member, op, name, value);
    t.is(answered, status, `${op} ${name}`);
    t.false('secret_key' in body);
  }
  await member.put(`${images}/${id}/tags/new`, undefined, 204);
  t.like(await admin.get(`${images}/${id}`), {
    secret_key: 'hidden',
    billing_code: '7',
    billing_unit: 'h',
    tags: ['new'],
  });

  t.is((await stage(member, id, 'some bytes')).status, 204);
  await member.post(`${images}/${id}/import`, direct, 202);
  await cloud.settle();
  t.like(await admin.get(`${images}/${id}`), { status: 'active', secret_import: 'yes' }, 'what the operator injects');
  t.is((await member.get(`${images}/${id}`)).secret_import, undefined);
});

test('who makes an image of a server says no more of it than who uploads one', async (t) => {
  const cloud = await startTestCloud(t, { propertyProtectionFile: await fileWith(t, rules) });
  const { createServer } = await prepareCompute(t, cloud);
  const id = await createServer();
  await cloud.settle();
  const member = cloud.as('member');
  const make = async (metadata: object, status: number) => {
    const path = `/compute/v2.1/servers/${id}/action`;
    const image = await member.post(path, { createImage: { name: 'i', metadata } }, status);
    const backup = { name: 'b', backup_type: 'daily', rotation: 1, metadata };
    if (status !== 202) await member.post(path, { createBackup: backup }, status);
    return image;
  };
  for (const name of ['secret_key', 'os_glance_importing_to_stores', 'status', 'locations', 'visibility', 'id'])
    t.regex(
      (await make({ [name]: 'x' }, 403)).forbidden.message,
      new RegExp(`^Attribute '${name}' is (reserved|read-only)`),
    );
  const many = Object.fromEntries(Array.from({ length: 125 }, (_, n) => [`p${n}`, 'x']));
  t.regex((await make(many, 403)).forbidden.message, /at most 128 properties/);
  t.deepEqual((await member.get(images)).images.length, 1, 'the image of the server alone');
  await make({ billing_code: '7', instance_uuid: 'another' }, 202);
  await cloud.settle();
  const [made] = (await member.get(`${images}?name=i`)).images;
  t.like(made, { status: 'active', billing_code: '7', instance_uuid: id });
});

test('rules of the policy protect too, and a changed file is in force soon', async (t) => {
  const section = (name: string, who: string) =>
    `[${name}]\ncreate=${who}\nread=${who}\nupdate=${who}\ndelete=${who}\n`;
  const propertyProtectionFile = await fileWith(t, section('.*', 'property_people'));
  const policyFile = await fileWith(t, '{"property_people": "role:member"}', 'policy.yaml');
  const cloud = await startTestCloud(t, {
    propertyProtectionFile,
    propertyProtectionRuleFormat: 'policies',
    policyFile,
  });
  const member = cloud.as('member');
  const { id } = await member.post(images, { a: 'b' });
  t.is((await member.get(`${images}/${id}`)).a, 'b');
  for (let time = 0; time < 2; time++) {
    const { images: list } = await cloud.as('reader').get(images);
    t.is(list[0].a, undefined);
  }
  await writeFile(propertyProtectionFile, section('.*', '!'));
  await until(async () => (await member.get(`${images}/${id}`)).a === undefined);
  t.is((await member.get(images)).images[0].a, undefined);
  await writeFile(propertyProtectionFile, '[broken');
  await until(async () => cloud.logLines.some((line) => line.includes('property protection file is not valid')));
  t.is((await member.get(`${images}/${id}`)).a, undefined, 'what was in force stays');
});

test('a cloud does not start with a file that is not there or not valid', async (t) => {
  for (const propertyProtectionFile of ['/nowhere/at/all', await fileWith(t, '[a]\ncreate = @\n')])
    await t.throwsAsync(startTestCloud(t, { propertyProtectionFile }), {
      instanceOf: BadRequest,
      message: /property protection file/,
    });
});
