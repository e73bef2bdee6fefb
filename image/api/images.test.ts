import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';

test('x', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const image = await member.post('/image/v2/images', {
    name: 'one',
    disk_format: 'raw',
    container_format: 'bare',
    hw_disk_bus: 'virtio',
  });
  t.log(image);
  const put = await member.request({
    method: 'PUT',
    path: `/image/v2/images/${image.id}/file`,
    payload: Buffer.alloc(1000, 7),
    headers: { 'content-type': 'application/octet-stream' },
  });
  t.log(put);
  t.log(await member.get(`/image/v2/images/${image.id}`));
  t.log(await member.get('/image/v2/images'));
  t.log(await member.request({ method: 'GET', path: `/image/v2/images/${image.id}/file` }));
  t.log(
    await member.request({
      method: 'GET',
      path: `/image/v2/images/${image.id}/file`,
      headers: { range: 'bytes=990-' },
    }),
  );
  t.log(
    await member.request({
      method: 'GET',
      path: `/image/v2/images/${image.id}/file`,
      headers: { range: 'bytes=9990-' },
    }),
  );
});
