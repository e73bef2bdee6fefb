import type { Readable } from 'node:stream';
import { noContent, route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { imagePolicy } from '../images/policy.ts';
import { stageImageData } from '../import/operations.ts';
import { drain } from './drain.ts';
import { saidSize } from './said-size.ts';

export const stageRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'PUT',
    path: '/v2/images/{image_id}/stage',
    rule: imagePolicy.modify_image,
    summary: 'Upload data that is imported later',
    bodyTypes: ['application/octet-stream'],
    rawBody: true,
    status: 204,
    async handler({ ctx, params, request }, h) {
      const body = request.payload as Readable; // for the route takes its body raw
      await stageImageData(deps, ctx, params.image_id!, body, saidSize(request.headers)).catch(async (error) => {
        await drain(body);
        throw error;
      });
      return noContent(h);
    },
  }),
];
