import { Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import {
  type Consumer,
  consumersQuery,
  createConsumer,
  deleteConsumer,
  getConsumer,
  updateConsumer,
} from '../oauth1/consumers.ts';
import { description } from './fields.ts';
import { identityPage, listView, pageOf } from './listing.ts';
import { administrators, cloudReaders } from './personas.ts';

const ConsumerBody = Type.Object({ consumer: Type.Object({ description }, { additionalProperties: false }) });

export const consumerPolicy = definePolicy({
  'identity:get_consumer': cloudReaders('Show an OAuth1 consumer'),
  'identity:list_consumers': cloudReaders('List OAuth1 consumers'),
  'identity:create_consumer': administrators('Create an OAuth1 consumer'),
  'identity:update_consumer': administrators('Update an OAuth1 consumer'),
  'identity:delete_consumer': administrators('Delete an OAuth1 consumer with all that users allowed it'),
});

const path = '/v3/OS-OAUTH1/consumers';

function view(deps: IdentityDeps, { id, description }: Consumer) {
  return { id, description, links: { self: `${identityUrl(deps)}/OS-OAUTH1/consumers/${id}` } };
}

export const consumerRoutes = (deps: IdentityDeps) => [
  route({
    method: 'GET',
    path,
    rule: consumerPolicy['identity:list_consumers'],
    summary: 'List OAuth1 consumers',
    status: 200,
    async handler({ query, request }) {
      const { rows, more } = await pageOf<Consumer>(consumersQuery(deps.db), identityPage(query), []);
      const views = rows.map((consumer) => view(deps, consumer));
      return listView(deps, 'consumers', views, { url: request.url, more, path: 'OS-OAUTH1/consumers' });
    },
  }),
  route({
    method: 'POST',
    path,
    rule: consumerPolicy['identity:create_consumer'],
    summary: 'Create an OAuth1 consumer; its secret is told once',
    body: ConsumerBody,
    status: 201,
    async handler({ body }, h) {
      const { consumer, secret } = await createConsumer(deps, body.consumer.description ?? null);
      return h.response({ consumer: { ...view(deps, consumer), secret: secret.reveal() } }).code(201);
    },
  }),
  route({
    method: 'GET',
    path: `${path}/{consumer_id}`,
    rule: consumerPolicy['identity:get_consumer'],
    summary: 'Show an OAuth1 consumer',
    status: 200,
    handler: async ({ params }) => ({ consumer: view(deps, await getConsumer(deps.db, params.consumer_id ?? '')) }),
  }),
  route({
    method: 'PATCH',
    path: `${path}/{consumer_id}`,
    rule: consumerPolicy['identity:update_consumer'],
    summary: 'Describe an OAuth1 consumer anew',
    body: ConsumerBody,
    status: 200,
    async handler({ params, body }) {
      const id = params.consumer_id ?? '';
      const { description } = body.consumer;
      const consumer =
        description === undefined ? await getConsumer(deps.db, id) : await updateConsumer(deps.db, id, description);
      return { consumer: view(deps, consumer) };
    },
  }),
  route({
    method: 'DELETE',
    path: `${path}/{consumer_id}`,
    rule: consumerPolicy['identity:delete_consumer'],
    summary: 'Delete an OAuth1 consumer with all that users allowed it',
    status: 204,
    async handler({ params }, h) {
      await deleteConsumer(deps, params.consumer_id ?? '');
      return noContent(h);
    },
  }),
];
