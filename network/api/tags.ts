import { Type } from 'typebox';
import { BadRequest, NotFound } from '../../common/errors.ts';
import { noContent, type Route, route } from '../../common/http/route.ts';
import { networkPolicy } from '../policy.ts';
import { changeTags, type Taggable, taggable, tagsFor } from '../tags/operations.ts';
import { addTags, removeTags } from '../tags/store.ts';
import { closed } from './bodies.ts';
import type { ApiDeps } from './deps.ts';

const Tags = Type.Object(
  { tags: Type.Array(Type.String({ minLength: 1, maxLength: 255, pattern: '^[^,]+$' }), { maxItems: 50 }) },
  closed,
);

/** Tags of everything that has them (alias `standard-attr-tag`). */
export const tagRoutes = (deps: ApiDeps) =>
  (Object.keys(taggable) as Taggable[]).flatMap((type) => [
    ...collectionRoutes(deps, type),
    ...tagRoutesOf(deps, type),
  ]);

function collectionRoutes(deps: ApiDeps, type: Taggable): Route[] {
  const path = `/v2.0/${type}/{id}/tags`;
  return [
    route({
      method: 'GET',
      path,
      rule: networkPolicy.get_tags,
      summary: `List the tags of one of ${type}`,
      status: 200,
      handler: async ({ ctx, params }) => ({ tags: await tagsFor(deps.db, ctx, type, params.id ?? '') }),
    }),
    route({
      method: 'PUT',
      path,
      rule: networkPolicy.update_tags,
      summary: `Replace the tags of one of ${type}`,
      status: 200,
      body: Tags,
      async handler({ ctx, params: { id = '' }, body }) {
        const tags = [...new Set(body.tags)];
        await changeTags(deps, ctx, networkPolicy.update_tags, { type, id }, async (trx) => {
          await removeTags(trx, id);
          await addTags(trx, id, tags);
        });
        return { tags };
      },
    }),
    route({
      method: 'DELETE',
      path,
      rule: networkPolicy.delete_tags,
      summary: `Remove all tags of one of ${type}`,
      status: 204,
      async handler({ ctx, params: { id = '' } }, h) {
        await changeTags(deps, ctx, networkPolicy.delete_tags, { type, id }, (trx) => removeTags(trx, id));
        return noContent(h);
      },
    }),
  ];
}

function tagRoutesOf(deps: ApiDeps, type: Taggable): Route[] {
  const path = `/v2.0/${type}/{id}/tags/{tag}`;
  return [
    route({
      method: 'GET',
      path,
      rule: networkPolicy.get_tags,
      summary: `Whether one of ${type} has a tag`,
      status: 204,
      async handler({ ctx, params: { id = '', tag = '' } }, h) {
        if (!(await tagsFor(deps.db, ctx, type, id)).includes(tag)) throw new NotFound('Tag', tag);
        return noContent(h);
      },
    }),
    route({
      method: 'PUT',
      path,
      rule: networkPolicy.update_tags,
      summary: `Tag one of ${type}`,
      status: 201,
      async handler({ ctx, params: { id = '', tag = '' } }, h) {
        if (tag.length > 255 || tag.includes(','))
          throw new BadRequest(`Invalid input for tags: '${tag}' is not a tag.`);
        await changeTags(deps, ctx, networkPolicy.update_tags, { type, id }, (trx) => addTags(trx, id, [tag]));
        return h.response().code(201);
      },
    }),
    route({
      method: 'DELETE',
      path,
      rule: networkPolicy.delete_tags,
      summary: `Remove a tag of one of ${type}`,
      status: 204,
      async handler({ ctx, params: { id = '', tag = '' } }, h) {
        const removed = await changeTags(deps, ctx, networkPolicy.delete_tags, { type, id }, (trx) =>
          removeTags(trx, id, [tag]),
        );
        if (removed === 0) throw new NotFound('Tag', tag);
        return noContent(h);
      },
    }),
  ];
}
