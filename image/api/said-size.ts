import { BadRequest } from '../../common/errors.ts';

/**
 * The size of an upload as its client says it: `x-openstack-image-size`, or the length of the body (glance/api/v2/image_data.py).
 * Throws `BadRequest` for what is no size.
 */
export function saidSize(headers: Record<string, unknown>): number | undefined {
  const said = headers['x-openstack-image-size'] ?? headers['content-length'];
  if (said === undefined) return undefined;
  if (typeof said !== 'string' || !/^\d{1,15}$/.test(said))
    throw new BadRequest('Invalid or missing image size in request headers.');
  return Number(said);
}
