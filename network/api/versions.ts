import { route } from '../../common/http/route.ts';
import { networkPolicy } from '../policy.ts';
import type { ApiDeps } from './deps.ts';

const collections = [
  'networks',
  'subnets',
  'ports',
  'routers',
  'floatingips',
  'security_groups',
  'security_group_rules',
  'quotas',
  'extensions',
];

export const versionRoutes = (deps: ApiDeps) => [
  route({
    method: 'GET',
    path: '/',
    rule: { anonymous: 'A client must find out which versions there are before it has a token.' },
    summary: 'List versions',
    status: 200,
    handler: () => ({
      versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: `${deps.url}/` }] }],
    }),
  }),
  route({
    method: 'GET',
    path: '/v2.0',
    rule: networkPolicy.get_versions,
    summary: 'List the resources of the version',
    status: 200,
    handler: () => ({
      resources: collections.map((collection) => ({
        links: [{ rel: 'self', href: `${deps.url}/${collection.replaceAll('_', '-')}` }],
        name: collection.replace(/s$/, ''),
        collection,
      })),
    }),
  }),
];
