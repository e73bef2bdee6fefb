import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { getUsableImage } from '../images/use.ts';
import { images, makeActive, patch, upload } from '../testing.ts';

test('the data of a deactivated image is for administrators alone, until it is reactivated', async (t) => {
  const cloud = await startTestCloud(t);
  const [member, admin] = [cloud.as('member'), cloud.as('admin')];
  const { id } = await makeActive(member);
  const file = `${images}/${id}/file`;
  const visible = { projectId: member.projectId };
  for (let i = 0; i < 2; i++) await member.post(`${images}/${id}/actions/deactivate`, undefined, 204);
  t.like(await member.get(`${images}/${id}`), { status: 'deactivated', size: 10 });
  t.is((await member.get(`${images}?status=deactivated`)).images.length, 1);
  await member.get(file, 403);
  t.is((await admin.request({ method: 'GET', path: file })).text, 'some bytes');
  await t.throwsAsync(getUsableImage(cloud.db, visible, id), { message: /is not active: it is deactivated/ });
  t.is((await upload(member, id, 'other bytes')).status, 409);
  t.is((await patch(member, id, [{ op: 'replace', path: '/name', value: 'renamed' }])).status, 200);
  for (let i = 0; i < 2; i++) await member.post(`${images}/${id}/actions/reactivate`, undefined, 204);
  t.like(await member.get(`${images}/${id}`), { status: 'active', name: 'renamed' });
  t.is((await member.request({ method: 'GET', path: file })).text, 'some bytes');
  t.like(await getUsableImage(cloud.db, visible, id), { id });
});

test('only the owner of an image with data deactivates it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id: queued } = await member.post(images, { name: 'queued' });
  const { id } = await makeActive(member, { visibility: 'community' });
  for (const action of ['deactivate', 'reactivate']) {
    await member.post(`${images}/${queued}/actions/${action}`, undefined, 403);
    await cloud.as('stranger').post(`${images}/${queued}/actions/${action}`, undefined, 404);
    await cloud.as('stranger').post(`${images}/${id}/actions/${action}`, undefined, 403);
    await cloud.as('reader').post(`${images}/${id}/actions/${action}`, undefined, 403);
  }
  t.like(await member.get(`${images}/${id}`), { status: 'active' });
  await member.post(`${images}/${id}/actions/deactivate`, undefined, 204);
  await member.delete(`${images}/${id}`);
  await cloud.settle();
  await member.get(`${images}/${id}`, 404);
});
