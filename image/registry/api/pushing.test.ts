import test from 'ava';
import { digestOf, startRegistryCloud } from '../testing.ts';

test('what is pushed can be pulled, by tag and by digest, byte for byte', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  const base = await docker.request('GET', '/v2/');
  t.is(base.status, 200, base.text);
  const image = await docker.push('p1/team/app', 'v1');
  t.is(image.status, 201, image.text);
  for (const reference of ['v1', image.digest]) {
    const shown = await docker.request('GET', `/v2/p1/team/app/manifests/${reference}`);
    t.is(shown.status, 200, shown.text);
    t.is(shown.text, image.manifest);
    t.like(shown.headers, {
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
      'docker-content-digest': image.digest,
    });
    t.is(Number(shown.headers['content-length']), image.manifest.length);
    const head = await docker.request('HEAD', `/v2/p1/team/app/manifests/${reference}`);
    t.is(head.status, 200);
    t.is(Number(head.headers['content-length']), image.manifest.length);
    t.is(head.text, '');
  }
  const blob = `/v2/p1/team/app/blobs/${digestOf(image.layer)}`;
  const head = await docker.request('HEAD', blob);
  t.is(head.status, 200);
  t.is(Number(head.headers['content-length']), 2000);
  const part = await docker.request('GET', blob, { headers: { range: 'bytes=10-19' } });
  t.is(part.status, 206);
  t.is(part.headers['content-range'], 'bytes 10-19/2000');
  t.is(Number(part.headers['content-length']), 10);
  // The project's id is as good as its name.
  const tags = await docker.request('GET', `/v2/${cloud.as('member').projectId}/team/app/tags/list`);
  t.deepEqual(tags.body.tags, ['v1']);
});
