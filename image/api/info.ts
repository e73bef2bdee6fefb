import { route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { imagePolicy } from '../images/policy.ts';
import { imageUsage } from '../images/usage.ts';

export const infoRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'GET',
    path: '/v2/info/usage',
    rule: imagePolicy.get_image_usage,
    summary: 'Read how much the project has of images, and how much it may have',
    status: 200,
    handler: async ({ ctx }) => ({ usage: await imageUsage(deps, ctx.projectId) }),
  }),
];
