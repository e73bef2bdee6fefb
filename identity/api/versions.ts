import { route } from '../../common/http/route.ts';
import type { IdentityDeps } from '../deps.ts';

const publicly = { anonymous: 'version discovery comes before authentication' } as const;

/** The version document of Identity API v3. */
function versionView(publicUrl: string) {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [{ rel: 'self', href: `${publicUrl}/identity/v3/` }],
    'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
  };
}

export const versionRoutes = ({ publicUrl }: IdentityDeps) => [
  route({
    method: 'GET',
    path: '/',
    rule: publicly,
    summary: 'List versions',
    status: 300,
    handler: (_, h) => h.response({ versions: { values: [versionView(publicUrl)] } }).code(300),
  }),
  route({
    method: 'GET',
    path: '/v3',
    rule: publicly,
    summary: 'Show version 3',
    status: 200,
    handler: () => ({ version: versionView(publicUrl) }),
  }),
];
