/** Images in Compute's old form (nova/api/openstack/compute/views/images.py). */

import { isoSeconds } from '../../../common/http/time.ts';
import { isYes } from '../../../common/truth.ts';
import type { Image, ImageStatus } from '../../../image/images/image.ts';
import { linksOf, type Url } from '../links.ts';

export function imageSummary(image: Image, url: Url) {
  const alternate = {
    rel: 'alternate',
    type: 'application/vnd.openstack.image',
    href: `${url.image}/images/${image.id}`,
  };
  return { id: image.id, name: image.name, links: [...linksOf(url, `images/${image.id}`), alternate] };
}

export function imageDetails(image: Image, url: Url) {
  const { instance_uuid: serverId, auto_disk_config: diskConfig } = image.properties;
  return {
    ...imageSummary(image, url),
    status: statuses[image.status] ?? 'UNKNOWN',
    progress: progresses[image.status] ?? 0,
    minRam: image.minRamMib,
    minDisk: image.minDiskGib,
    metadata: image.properties,
    created: isoSeconds(image.createdAt),
    updated: isoSeconds(image.updatedAt),
    'OS-EXT-IMG-SIZE:size': image.sizeBytes ?? 0,
    ...(serverId !== undefined && { server: { id: serverId, links: linksOf(url, `servers/${serverId}`) } }),
    ...(diskConfig !== undefined && { 'OS-DCF:diskConfig': isYes(diskConfig) ? 'AUTO' : 'MANUAL' }),
  };
}

/** It knew no others. */
const statuses: Partial<Record<ImageStatus, string>> = { active: 'ACTIVE', queued: 'SAVING', saving: 'SAVING' };
/** Percent. */
const progresses: Partial<Record<ImageStatus, number>> = { active: 100, queued: 25, saving: 50 };
