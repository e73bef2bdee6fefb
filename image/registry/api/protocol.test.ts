/** The distribution API in its details, and what is wrong in every place of it. */
import test from 'ava';
import { type Docker, digestOf, imageManifest, makeImage, startRegistryCloud, uploadsOnDisk } from '../testing.ts';

const list = 'application/vnd.oci.image.index.v1+json';

/** Refused with one of the specification's codes. */
async function code(answer: ReturnType<Docker['request']>): Promise<[number, string]> {
  const { status, body } = await answer;
  return [status, body?.errors?.[0]?.code];
}

test('an upload goes on where it is, in the order of its parts, and ends with its digest', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  const begin = async () => String((await docker.request('POST', '/v2/p1/app/blobs/uploads/')).headers.location);
  const send = (path: string, payload: string, range?: string) =>
    docker.request('PATCH', path, { payload, headers: range === undefined ? {} : { 'content-range': range } });
  const path = await begin();
  t.false(path.includes('_state'));
  t.is((await send(path, '01234', '0-4')).headers.range, '0-4');
  t.deepEqual(await code(send(path, '789', '7-9')), [416, 'RANGE_INVALID']);
  t.deepEqual(await code(send(path, '789', 'bytes')), [416, 'RANGE_INVALID']);
  const status = await docker.request('GET', path);
  t.is(status.status, 204);
  t.is(status.headers.range, '0-4');
  t.is((await send(path, '56789', '5-9')).headers.range, '0-9');
  t.is((await docker.request('PUT', `${path}?digest=${digestOf('0123456789abc')}`, { payload: 'abc' })).status, 201);
  const blob = `/v2/p1/app/blobs/${digestOf('0123456789abc')}`;
  t.is((await docker.request('GET', blob)).text, '0123456789abc');
  t.deepEqual(await code(send(path, 'more')), [404, 'BLOB_UPLOAD_UNKNOWN']);

  const whole = await docker.request('POST', `/v2/p1/app/blobs/uploads/?digest=${digestOf('whole')}`, {
    payload: 'whole',
  });
  t.is(whole.status, 201, 'in one request');
  const other = await begin();
  await send(other, 'something');
  t.deepEqual(await code(docker.request('PUT', `${other}?digest=${digestOf('other')}`)), [400, 'DIGEST_INVALID']);
  t.deepEqual(await code(docker.request('GET', other)), [404, 'BLOB_UPLOAD_UNKNOWN'], 'and is over');
  for (const digest of ['sha256:../../x', 'sha512:00', '', `sha256:${'0'.repeat(63)}`]) {
    const wrong = await begin();
    t.deepEqual(await code(docker.request('PUT', `${wrong}?digest=${digest}`)), [400, 'DIGEST_INVALID'], digest);
    await docker.request('DELETE', wrong);
  }
  const cancelled = await begin();
  t.is((await docker.request('DELETE', cancelled)).status, 204);
  t.deepEqual(await code(docker.request('GET', cancelled)), [404, 'BLOB_UPLOAD_UNKNOWN']);
  const mine = await begin();
  t.deepEqual(await code(docker.request('GET', mine.replace('p1/app', 'p1/other'))), [404, 'BLOB_UPLOAD_UNKNOWN']);
  await docker.request('DELETE', mine);
  t.deepEqual(await uploadsOnDisk(cloud), []);
  t.deepEqual(await cloud.db('registry_uploads'), []);
  t.deepEqual(await code(docker.request('GET', blob, { headers: { range: 'bytes=99-' } })), [416, 'RANGE_INVALID']);
});

test('lists of images and what refers to them are kept, listed, and hold what they name', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  const image = await docker.push('p1/app', 'amd64');
  const descriptor = { mediaType: imageManifest, digest: image.digest, size: image.manifest.length };
  const platform = { os: 'linux', architecture: 'amd64' };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: list, manifests: [{ ...descriptor, platform }] });
  t.is((await docker.pushManifest('p1/app', 'v1', index)).status, 201);
  t.is((await docker.request('GET', '/v2/p1/app/manifests/v1')).text, index);
  const part = `/v2/p1/app/manifests/${image.digest}`;
  t.deepEqual(await code(docker.request('DELETE', part)), [403, 'DENIED'], 'a part of a list');
  t.deepEqual(await code(docker.request('DELETE', `/v2/p1/app/blobs/${digestOf(image.layer)}`)), [403, 'DENIED']);

  const signature = makeImage(Buffer.from('signature'), '{}');
  for (const blob of [signature.layer, signature.config]) await docker.pushBlob('p1/app', blob);
  const about = {
    ...JSON.parse(signature.manifest),
    subject: descriptor,
    artifactType: 'application/vnd.example.signature',
    annotations: { by: 'somebody' },
  };
  const pushed = await docker.pushManifest('p1/app', digestOf(JSON.stringify(about)), about);
  t.is(pushed.status, 201, pushed.text);
  t.is(pushed.headers['oci-subject'], image.digest);
  const referrers = (query = '') => docker.request('GET', `/v2/p1/app/referrers/${image.digest}${query}`);
  const { body, headers } = await referrers();
  t.is(headers['content-type'], list);
  t.like(body.manifests, [{ artifactType: 'application/vnd.example.signature', annotations: { by: 'somebody' } }]);
  t.deepEqual((await referrers('?artifactType=other')).body.manifests, []);
  t.deepEqual((await docker.request('GET', `/v2/p1/app/referrers/${digestOf('none')}`)).body.manifests, []);
});

test('what refers to a manifest is told in answers of a few MiB, however much there is', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  const image = await docker.push('p1/app', 'v1');
  const subject = { mediaType: imageManifest, digest: image.digest, size: image.manifest.length };
  const about = { ...JSON.parse(image.manifest), subject, artifactType: 'application/x' };
  const long = JSON.stringify({ ...about, annotations: { a: 'a'.repeat(9000) } });
  t.deepEqual(await code(docker.pushManifest('p1/app', digestOf(long), long)), [400, 'MANIFEST_INVALID']);
  // Also those from before there was a limit.
  await cloud.db.raw(
    `insert into registry_manifests (repository_id, digest, media_type, size_bytes, artifact_type, annotations, subject_digest)
     select id, 'sha256:' || lpad(n::text, 64, '0'), ?, 1, 'application/x', jsonb_build_object('a', repeat('a', 250000)), ?
     from registry_repositories, generate_series(1, 40) as n`,
    [imageManifest, image.digest],
  );
  const digests: string[] = [];
  let pages = 0;
  let next: string | undefined = `/v2/p1/app/referrers/${image.digest}?artifactType=application/x`;
  while (next !== undefined) {
    const { status, text, body, headers } = await docker.request('GET', next);
    t.is(status, 200);
    t.true(text.length < 5 * 2 ** 20, `${text.length} bytes`);
    digests.push(...body.manifests.map(({ digest }: { digest: string }) => digest));
    pages += 1;
    next = /^<(.+)>; rel="next"$/.exec(String(headers.link))?.[1];
  }
  t.is(pages, 3);
  t.is(new Set(digests).size, 40);
  t.deepEqual(await code(docker.request('GET', `/v2/p1/app/referrers/${image.digest}?last=x`)), [
    400,
    'DIGEST_INVALID',
  ]);
});

test('a manifest that is wrong is refused and nothing of it is kept', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  const image = await docker.push('p1/app', 'v1');
  const good = JSON.parse(image.manifest);
  const [layer] = good.layers;
  const put = (reference: string, payload: string, type = imageManifest) =>
    code(docker.request('PUT', `/v2/p1/app/manifests/${reference}`, { payload, headers: { 'content-type': type } }));
  const deep = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
  const wrong: [what: string, value: unknown][] = [
    ['text', 'text'],
    ['null', null],
    ['a list', []],
    ['nothing', {}],
    ['version 1', { ...good, schemaVersion: 1 }],
    ['another media type', { ...good, mediaType: list }],
    ['an image and a list at once', { ...good, manifests: [] }],
    ['no layers', { ...good, layers: undefined }],
    ['layers that are no list', { ...good, layers: {} }],
    ['a layer that is null', { ...good, layers: [null] }],
    ['a digest that is a path', { ...good, layers: [{ ...layer, digest: 'sha256:../../../etc/passwd' }] }],
    ['a layer with URLs', { ...good, layers: [{ ...layer, urls: ['http://169.254.169.254/'] }] }],
    ['another size', { ...good, layers: [{ ...layer, size: layer.size + 1 }] }],
    ['a negative size', { ...good, layers: [{ ...layer, size: -1 }] }],
    ['a size beyond numbers', { ...good, layers: [{ ...layer, size: 1e300 }] }],
    ['a bomb', { ...good, layers: Array(1001).fill(layer) }],
    ['annotations that are no texts', { ...good, annotations: { a: 1 } }],
    ['a NUL in an annotation', { ...good, annotations: { a: 'a\u0000' } }],
    ['a subject that is none', { ...good, subject: { digest: 'x' } }],
  ];
  for (const [what, value] of wrong)
    t.deepEqual(await put('bad', JSON.stringify(value)), [400, 'MANIFEST_INVALID'], what);
  t.deepEqual(await put('bad', '{'), [400, 'MANIFEST_INVALID']);
  t.deepEqual(await put('bad', deep), [400, 'MANIFEST_INVALID']);
  t.deepEqual(await put('bad', image.manifest, 'application/json'), [400, 'MANIFEST_INVALID']);
  t.deepEqual(await put('bad', `"${'x'.repeat(4 * 2 ** 20)}"`), [413, 'MANIFEST_INVALID']);
  const absent = { ...good, layers: [{ ...layer, digest: digestOf('absent') }] };
  t.deepEqual(await put('bad', JSON.stringify(absent)), [404, 'MANIFEST_BLOB_UNKNOWN']);
  const indexed = { schemaVersion: 2, mediaType: list, manifests: [{ ...layer, digest: digestOf('absent') }] };
  t.deepEqual(await put('bad', JSON.stringify(indexed), list), [404, 'MANIFEST_BLOB_UNKNOWN']);
  t.deepEqual(await put(digestOf('another'), image.manifest), [400, 'DIGEST_INVALID']);
  t.deepEqual(await put('sha256:x', image.manifest), [400, 'DIGEST_INVALID']);
  for (const tag of ['-tag', '.tag', 'a'.repeat(129), 'a%20b', 'a%00'])
    t.deepEqual(await put(tag, image.manifest), [400, 'TAG_INVALID'], tag);
  t.deepEqual((await docker.request('GET', '/v2/p1/app/tags/list')).body.tags, ['v1']);
  t.is((await cloud.db('registry_manifests')).length, 1);
});

test('paths that lead nowhere, and names that are none, are refused in the words of the specification', async (t) => {
  const cloud = await startRegistryCloud(t);
  const docker = cloud.dockerAs('member');
  await docker.push('p1/app', 'v1');
  const digest = `sha256:${'0'.repeat(64)}`;
  const names = [
    'p1',
    'P1/app',
    'p1/../p2',
    'p1/App',
    'p1/a..b',
    'p1/-a',
    `p1/${'a'.repeat(300)}`,
    'p1/%00',
    'p1/%2e%2e/x',
    'p1/ü',
  ];
  for (const name of names)
    for (const path of [`manifests/v1`, `blobs/${digest}`, 'tags/list', `referrers/${digest}`]) {
      const { status, body } = await docker.request('GET', `/v2/${name}/${path}`);
      t.true([400, 401, 404].includes(status), `${name} ${path}: ${status}`);
      t.truthy(body.errors[0].code);
    }
  for (const [method, path, status] of [
    ['GET', '/v2/p1/app', 404],
    ['GET', '/v2/p1/app/manifests', 404],
    ['PUT', '/v2/p1/app/tags/list', 405],
    ['POST', '/v2/', 405],
    ['DELETE', '/v2/_catalog', 405],
    ['PATCH', '/v2/p1/app/manifests/v1', 405],
    ['GET', '/v2/p1/app/manifests/sha256:..', 400],
    ['GET', '/v2/p1/app/blobs/..%2f..%2fetc%2fpasswd', 404],
    ['GET', `/v2/p1/app/blobs/${digest.slice(1)}`, 400],
    ['GET', '/v2/_catalog?n=-1', 400],
    ['GET', '/v2/_catalog?last=%00', 400],
    ['GET', '/v2/p1/app/tags/list?last=%00', 400],
  ] as const) {
    const answer = await docker.request(method, path);
    t.is(answer.status, status, `${method} ${path}: ${answer.text}`);
    t.truthy(answer.body.errors[0].code);
  }
  t.is((await cloud.anonymous.request({ method: 'GET', path: '/v2/p1/nothing' })).status, 401);
  const { headers } = await cloud.anonymous.request({ method: 'GET', path: '/v2/' });
  t.is(
    headers['www-authenticate'],
    'Bearer realm="http://cloud.test/registry/token",service="cloud.test"',
    'what docker login looks for',
  );
  await cloud.stopRegistry();
  const away = await docker.request('GET', '/v2/p1/app/manifests/v1');
  t.is(away.status, 503, 'docker tries again');
  t.is(away.body.errors[0].code, 'UNAVAILABLE');
  t.is((await docker.request('POST', '/v2/p1/app/blobs/uploads/')).status, 503);
});
