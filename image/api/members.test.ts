import { randomUUID } from 'node:crypto';
import test from 'ava';
import { startTestCloud, type TestCloud } from '../../tests/cloud.ts';
import { images, makeActive, patch } from '../testing.ts';

async function share(cloud: TestCloud) {
  const [owner, guest] = [cloud.as('member'), cloud.as('stranger')];
  const { id } = await makeActive(owner);
  const member = await owner.post(`${images}/${id}/members`, { member: guest.projectId }, 200);
  return { owner, guest, id, member, path: `${images}/${id}/members/${guest.projectId}` };
}

test('a shared image is seen by its members, and listed once they accept it', async (t) => {
  const cloud = await startTestCloud(t);
  const { guest, id, member, path } = await share(cloud);
  t.like(member, { image_id: id, member_id: guest.projectId, status: 'pending', schema: '/v2/schemas/member' });
  const listed = async (query = '') => (await guest.get(`${images}${query}`)).images.length;
  await guest.get(`${images}/${id}`);
  await guest.get(`${images}/${id}/file`);
  t.is(await listed(), 0);
  t.is(await listed('?member_status=pending&visibility=shared'), 1);
  t.is(await listed('?member_status=all'), 1);
  t.is((await guest.put(path, { status: 'accepted' })).status, 'accepted');
  t.is(await listed(), 1);
  await guest.put(path, { status: 'rejected' });
  t.is(await listed(), 0);
  await guest.get(`${images}/${id}`);
});

test('a share ends when its owner ends it', async (t) => {
  const cloud = await startTestCloud(t);
  const { owner, guest, id, path } = await share(cloud);
  await owner.delete(path);
  await owner.delete(path, 404);
  await guest.get(`${images}/${id}`, 404);
  t.deepEqual((await owner.get(`${images}/${id}/members`)).members, []);
});

test('making an image private hides it from its members', async (t) => {
  const cloud = await startTestCloud(t);
  const { owner, guest, id } = await share(cloud);
  await patch(owner, id, [{ op: 'replace', path: '/visibility', value: 'private' }]);
  await guest.get(`${images}/${id}`, 404);
  await owner.post(`${images}/${id}/members`, { member: randomUUID() }, 403);
});

test('each side does its part and no other', async (t) => {
  const cloud = await startTestCloud(t);
  const { owner, guest, id, path } = await share(cloud);
  const third = randomUUID();
  await owner.post(`${images}/${id}/members`, { member: third }, 200);
  await owner.post(`${images}/${id}/members`, { member: third }, 409);
  await owner.put(path, { status: 'accepted' }, 403);
  await guest.post(`${images}/${id}/members`, { member: randomUUID() }, 403);
  await guest.delete(path, 403);
  await guest.put(path, { status: 'perhaps' }, 400);
  await guest.put(`${images}/${id}/members/${third}`, { status: 'accepted' }, 404);
  await guest.get(`${images}/${id}/members/${third}`, 404);
  t.is((await guest.get(`${images}/${id}/members`)).members.length, 1, 'whom else it is shared with is not shown');
  t.is((await owner.get(`${images}/${id}/members`)).members.length, 2);
  await cloud.as('reader').post(`${images}/${id}/members`, { member: randomUUID() }, 403);
  await owner.get(`${images}/${id}/members/${randomUUID()}`, 404);
  await guest.delete(`${images}/${id}`, 403);
});

test('members go with their image', async (t) => {
  const cloud = await startTestCloud(t);
  const { owner, guest, id, path } = await share(cloud);
  await owner.delete(`${images}/${id}`);
  await guest.get(path, 404);
  await cloud.settle();
  t.deepEqual(await cloud.db('image_members').select(), []);
});
