import type { Calls, MakeCall } from '../call.ts';

const nothing: MakeCall = () => ({});
const image: MakeCall = (it) => ({ params: { image_id: it.image } });

export const imageCacheCalls: Calls = {
  'GET /v2/cache': nothing,
  'PUT /v2/cache/{image_id}': image,
  'DELETE /v2/cache/{image_id}': image,
  'DELETE /v2/cache': nothing,
};
