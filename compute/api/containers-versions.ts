import { BadRequest } from '../../common/errors.ts';
import { format, type Microversions, since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import type { ContainersApiDeps } from './containers-deps.ts';

/** All of Zun's. What came with one of them and does not exist here yet is refused by its name. */
export const containerMicroversions: Microversions = { service: 'container', min: [1, 1], max: [1, 40] };

/** Throws `BadRequest`, in Zun's words, for what came with a later microversion than the request's. */
export function needsVersion(version: Version, name: string, major: number, minor: number): void {
  if (!since(version, major, minor))
    throw new BadRequest(
      `Invalid param ${name} because current request version is ${format(version)}. ${name} is only supported from version ${format([major, minor])}`,
    );
}

const anonymous = { anonymous: 'Clients look here for a version before they have a token.' };

export const containerVersionRoutes = ({ url }: ContainersApiDeps) => [
  route({
    method: 'GET',
    path: '/',
    rule: anonymous,
    summary: 'Versions of the Containers API',
    status: 200,
    handler: () => ({
      name: 'OpenStack Zun API',
      description: 'Containers beside servers, on the same networks.',
      versions: [versionView(url)],
      default_version: versionView(url),
    }),
  }),
  route({
    method: 'GET',
    path: '/v1',
    rule: anonymous,
    summary: 'The version 1 and its resources',
    status: 200,
    handler: () => ({
      id: 'v1',
      links: [{ rel: 'self', href: `${url}/v1/` }],
      media_types: [{ base: 'application/json', type: 'application/vnd.openstack.zun.v1+json' }],
      containers: containerLinks(url, ''),
      quotas: [{ rel: 'self', href: `${url}/v1/quotas/` }],
    }),
  }),
];

/** Zun's pair of links. */
export function containerLinks(url: string, id: string) {
  return [
    { rel: 'self', href: `${url}/v1/containers/${id}` },
    { rel: 'bookmark', href: `${url}/containers/${id}` },
  ];
}

function versionView(url: string) {
  return {
    id: 'v1',
    links: [{ rel: 'self', href: `${url}/v1/` }],
    status: 'CURRENT',
    max_version: format(containerMicroversions.max),
    min_version: format(containerMicroversions.min),
  };
}
