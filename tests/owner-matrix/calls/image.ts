import type { Calls, MakeCall } from '../call.ts';
import { imageActionCalls } from './image-actions.ts';
import { imageCacheCalls } from './image-cache.ts';
import { importCalls } from './image-import.ts';
import { metadefCalls } from './image-metadefs.ts';
import { storeCalls } from './image-stores.ts';

const nothing: MakeCall = () => ({});
const image: MakeCall = (it) => ({ params: { image_id: it.image } });
const tag: MakeCall = (it) => ({ params: { image_id: it.image, tag: 'blue' } });
const member: MakeCall = (it) => ({ params: { image_id: it.image, member_id: it.partner } });

export const imageCalls: Calls = {
  ...metadefCalls,
  ...imageActionCalls,
  ...importCalls,
  ...imageCacheCalls,
  ...storeCalls,
  'GET /': nothing,
  'GET /versions': nothing,
  'POST /v2/images': (it) => ({ body: { name: 'new', owner: it.project } }),
  'GET /v2/images': [nothing, (it) => ({ query: { owner: it.project } }), (it) => ({ query: { marker: it.image } })],
  'GET /v2/images/{image_id}': image,
  'PATCH /v2/images/{image_id}': (it) => ({
    params: { image_id: it.image },
    headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    body: [{ op: 'replace', path: '/name', value: 'changed' }],
  }),
  'DELETE /v2/images/{image_id}': (it) => ({ params: { image_id: it.spareImage } }),
  'PUT /v2/images/{image_id}/tags/{tag}': tag,
  'DELETE /v2/images/{image_id}/tags/{tag}': tag,
  'PUT /v2/images/{image_id}/file': (it) => ({
    params: { image_id: it.queuedImage },
    headers: { 'content-type': 'application/octet-stream' },
    payload: Buffer.from('some bytes'),
  }),
  'GET /v2/images/{image_id}/file': image,
  'GET /v2/images/{image_id}/members': image,
  'POST /v2/images/{image_id}/members': (it) => ({
    params: { image_id: it.image },
    body: { member: it.spareProject },
    mayName: { spareProject: 'an image can be offered to whatever project its owner knows the id of' },
  }),
  'GET /v2/images/{image_id}/members/{member_id}': member,
  // The owner offers and cannot answer: that is for the partner, as which nobody is logged in here.
  'PUT /v2/images/{image_id}/members/{member_id}': (it) => ({
    params: { image_id: it.image, member_id: it.partner },
    body: { status: 'accepted' },
    by: 'admin',
  }),
  'DELETE /v2/images/{image_id}/members/{member_id}': member,
  'GET /v2/schemas/image': nothing,
  'GET /v2/schemas/images': nothing,
  'GET /v2/schemas/member': nothing,
  'GET /v2/schemas/members': nothing,
};
