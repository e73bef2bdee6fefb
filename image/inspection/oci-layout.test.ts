import { createHash } from 'node:crypto';
import test from 'ava';
import { makeTar, type TarEntry } from './corpus.ts';
import { createInspector } from './inspector.ts';

const verdictOn = (bytes: Buffer) => {
  const inspector = createInspector({ diskFormat: 'raw', containerFormat: 'docker' });
  for (let at = 0; at < bytes.length; at += 1000) inspector.write(bytes.subarray(at, at + 1000));
  return inspector.finish().refusal;
};

const digest = createHash('sha256').update('{"a": "manifest"}').digest('hex');
const descriptor = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: `sha256:${digest}`, size: 17 };
const attestation = {
  ...descriptor,
  digest: `sha256:${'0'.repeat(64)}`,
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
};
const layout: TarEntry = { name: 'oci-layout', content: '{"imageLayoutVersion": "1.0.0"}' };
const blob: TarEntry = { name: `blobs/sha256/${digest}`, content: '{"a": "manifest"}' };
const index = (manifests: unknown): TarEntry => ({ name: 'index.json', content: JSON.stringify({ manifests }) });

test('an OCI image layout in a tar is a container’s image', (t) => {
  t.is(verdictOn(makeTar([layout, index([descriptor]), blob])), null);
  t.is(verdictOn(makeTar([blob, index([descriptor, attestation]), layout])), null, 'in any order');
  const dotted = [layout, index([descriptor]), blob].map((entry) => ({ ...entry, name: `./${entry.name}` }));
  t.is(verdictOn(makeTar(dotted)), null);
});

test('a layout that names anything but one image of its own is refused', (t) => {
  const refused: [what: string, entries: TarEntry[], says: RegExp][] = [
    ['no layout file', [index([descriptor]), blob], /no OCI image layout/],
    ['no index', [layout, blob], /no OCI image layout/],
    ['nothing', [layout, index([]), blob], /exactly one image/],
    ['two images', [layout, index([descriptor, descriptor]), blob], /exactly one image/],
    ['an attestation alone', [layout, index([attestation]), blob], /exactly one image/],
    ['no list', [layout, index({}), blob], /exactly one image/],
    ['null', [layout, { name: 'index.json', content: 'null' }, blob], /exactly one image/],
    ['null in its list', [layout, index([null]), blob], /SHA-256/],
    ['no JSON', [layout, { name: 'index.json', content: '{' }, blob], /not JSON/],
    ['a path', [layout, index([{ digest: 'sha256:../../etc/passwd' }]), blob], /SHA-256/],
    ['what is not in it', [layout, index([descriptor])], /not in the archive/],
    [
      'an index that is a link',
      [layout, { name: 'index.json', type: '2', linkName: 'oci-layout' }, blob],
      /not a file/,
    ],
    ['a large index', [layout, { name: 'index.json', content: ' '.repeat(200_000) }, blob], /absurdly large/],
    ['a way out', [layout, index([descriptor]), blob, { name: 'blobs/../../x' }], /leads out/],
    [
      'another manifest.json',
      [layout, index([descriptor]), blob, { name: 'manifest.json', content: '[]' }],
      /manifest.json/,
    ],
  ];
  for (const [what, entries, says] of refused) t.regex(verdictOn(makeTar(entries)) ?? 'accepted', says, what);
});
