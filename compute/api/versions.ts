import { format, type Microversions } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import type { ComputeApiDeps } from './deps.ts';
import type { Url } from './links.ts';

/**
 * The newest is that of OpenStack 2024.1. Volumes are not there yet, nor what microversions say of them: no path for them exists,
 * and a request that names one is refused.
 */
export const computeMicroversions: Microversions = {
  service: 'compute',
  legacyHeader: 'x-openstack-nova-api-version',
  min: [2, 1],
  max: [2, 96],
};

const anonymous = { anonymous: 'Clients look here for a version before they have a token.' };

export const versionRoutes = ({ url }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/',
    rule: anonymous,
    summary: 'Versions of the Compute API',
    status: 200,
    handler: () => ({ versions: [versionView(url)] }),
  }),
  route({
    method: 'GET',
    path: '/v2.1',
    rule: anonymous,
    summary: 'The version 2.1 with its microversions',
    status: 200,
    handler: () => ({
      version: {
        ...versionView(url),
        links: [
          { rel: 'self', href: `${url.versioned}/` },
          { rel: 'describedby', type: 'text/html', href: 'https://docs.openstack.org/api-ref/compute/' },
        ],
        'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.compute+json;version=2.1' }],
      },
    }),
  }),
];

function versionView(url: Url) {
  return {
    id: 'v2.1',
    status: 'CURRENT',
    version: format(computeMicroversions.max),
    min_version: format(computeMicroversions.min),
    updated: '2013-07-23T11:33:21Z',
    links: [{ rel: 'self', href: `${url.versioned}/` }],
  };
}
