import { route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';

const publicly = { anonymous: 'version discovery comes before authentication' } as const;

/** Those of which nothing is missing, as Glance lists them: 2.8 to 2.13 are about several stores, 2.14 is the cache. */
const versions = ['v2.14', 'v2.7', 'v2.6', 'v2.5', 'v2.4', 'v2.3', 'v2.2', 'v2.1', 'v2.0'];

export const versionRoutes = ({ publicUrl }: ImageModuleDeps) => {
  const document = {
    versions: versions.map((id, index) => ({
      id,
      status: index === 0 ? 'CURRENT' : 'SUPPORTED',
      links: [{ rel: 'self', href: `${publicUrl}/image/v2/` }],
    })),
  };
  return [
    route({
      method: 'GET',
      path: '/',
      rule: publicly,
      summary: 'List versions',
      status: 300,
      handler: (_, h) => h.response(document).code(300),
    }),
    route({
      method: 'GET',
      path: '/versions',
      rule: publicly,
      summary: 'List versions, as the glance client asks before each command',
      status: 200,
      handler: () => document,
    }),
  ];
};
