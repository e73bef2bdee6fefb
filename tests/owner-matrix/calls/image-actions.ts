import type { Calls, MakeCall } from '../call.ts';

const nothing: MakeCall = () => ({});
const image: MakeCall = (it) => ({ params: { image_id: it.image } });

export const imageActionCalls: Calls = {
  'POST /v2/images/{image_id}/actions/deactivate': image,
  'POST /v2/images/{image_id}/actions/reactivate': image,
  'GET /v2/info/usage': nothing,
};
