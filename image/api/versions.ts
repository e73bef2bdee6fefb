import { route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';

const publicly = { anonymous: 'version discovery comes before authentication' } as const;

/** The newest of which nothing is missing: 2.17 is the locations that this service does not have (docs/compatibility.md). */
const newestMinor = 16;
const versions = Array.from({ length: newestMinor + 1 }, (_, index) => `v2.${newestMinor - index}`);

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
