import type { Calls, MakeCall } from '../call.ts';

const nothing: MakeCall = () => ({});

export const importCalls: Calls = {
  'GET /v2/info/import': nothing,
  'GET /v2/schemas/task': nothing,
  'GET /v2/schemas/tasks': nothing,
  'PUT /v2/images/{image_id}/stage': (it) => ({
    params: { image_id: it.unstagedImage },
    headers: { 'content-type': 'application/octet-stream' },
    payload: Buffer.from('some bytes'),
  }),
  'POST /v2/images/{image_id}/import': (it) => ({
    params: { image_id: it.stagedImage },
    body: { method: { name: 'glance-direct' } },
  }),
  'GET /v2/images/{image_id}/tasks': (it) => ({ params: { image_id: it.importedImage } }),
  'GET /v2/tasks': nothing,
  'GET /v2/tasks/{task_id}': (it) => ({ params: { task_id: it.importTask } }),
};
