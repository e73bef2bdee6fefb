import { format } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { placementMicroversions, prefix } from './common.ts';

export const rootRoutes = () => [
  route({
    method: 'GET',
    path: '/',
    rule: { anonymous: 'Clients look here for a version before they have a token.' },
    summary: 'Versions of the Placement API',
    status: 200,
    handler: () => ({
      versions: [
        {
          id: 'v1.0',
          min_version: format(placementMicroversions.min),
          max_version: format(placementMicroversions.max),
          status: 'CURRENT',
          links: [{ rel: 'self', href: prefix }],
        },
      ],
    }),
  }),
];
