import type { Readable } from 'node:stream';
import { UnsupportedMediaType } from '../../common/http/failure.ts';
import { noContent, route } from '../../common/http/route.ts';
import type { ImageModuleDeps } from '../deps.ts';
import { getImageData } from '../images/operations.ts';
import { imagePolicy } from '../images/policy.ts';
import { DataRefused, uploadImageData } from '../images/uploads.ts';
import { DataMissing } from '../stores/store.ts';
import { drain } from './drain.ts';
import { readRange } from './range.ts';
import { saidSize } from './said-size.ts';
import { storeHeader } from './stores.ts';

export const dataRoutes = (deps: ImageModuleDeps) => [
  route({
    method: 'PUT',
    path: '/v2/images/{image_id}/file',
    rule: imagePolicy.upload_image,
    summary: 'Upload the data of an image',
    bodyTypes: ['application/octet-stream'],
    rawBody: true,
    status: 204,
    async handler({ ctx, params, request }, h) {
      const body = request.payload as Readable; // for the route takes its body raw
      const asked = { storeId: storeHeader(request.headers), saidBytes: saidSize(request.headers) };
      await uploadImageData(deps, ctx, params.image_id!, body, asked).catch(async (error) => {
        await drain(body);
        // Glance's status for data that its inspector refuses (glance/api/v2/image_data.py).
        throw error instanceof DataRefused ? new UnsupportedMediaType(error.message, { cause: error }) : error;
      });
      return noContent(h);
    },
  }),
  route({
    method: 'GET',
    path: '/v2/images/{image_id}/file',
    rule: imagePolicy.download_image,
    summary: 'Download the data of an image',
    status: 200,
    async handler({ ctx, params, request }, h) {
      const { image, open } = await getImageData(deps, ctx, params.image_id!);
      if (open === undefined || image.sizeBytes === null) return noContent(h);
      const range = readRange(request.headers, image.sizeBytes);
      if (range === 'unsatisfiable')
        return h.response().code(416).header('content-range', `bytes */${image.sizeBytes}`);
      const data = await open(range).catch((error) => {
        if (error instanceof DataMissing) return undefined;
        throw error;
      });
      if (data === undefined) return noContent(h); // as Glance answers when its stores have lost it (image_data.py, download)
      const answer = h.response(data).type('application/octet-stream').header('accept-ranges', 'bytes');
      if (range === undefined) return answer.bytes(image.sizeBytes).header('content-md5', image.md5 ?? '');
      return answer
        .code(206)
        .bytes(range.last - range.first + 1)
        .header('content-range', `bytes ${range.first}-${range.last}/${image.sizeBytes}`);
    },
  }),
];
