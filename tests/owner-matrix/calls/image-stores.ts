import type { Calls, MakeCall } from '../call.ts';

const nothing: MakeCall = () => ({});

export const storeCalls: Calls = {
  'GET /v2/info/stores': nothing,
  'GET /v2/info/stores/detail': nothing,
  'DELETE /v2/stores/{store_id}/{image_id}': (it) => ({ params: { store_id: 'second', image_id: it.copiedImage } }),
};
