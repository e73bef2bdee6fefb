import { Type } from 'typebox';
import { Conflict } from '../../common/errors.ts';
import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { addName, listNames, removeName, requireName, resourceClasses } from '../names/names.ts';
import { forServices, fresh, prefix, requireSince, unkept } from './common.ts';
import type { PlacementDeps } from './deps.ts';

export const resourceClassPolicy = definePolicy({
  'placement:resource_classes:list': forServices('List resource classes'),
  'placement:resource_classes:create': forServices('Create a resource class'),
  'placement:resource_classes:show': forServices('Show a resource class'),
  'placement:resource_classes:update': forServices('Create a resource class by its name'),
  'placement:resource_classes:delete': forServices('Delete a resource class'),
});

const NewClass = Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) }, { additionalProperties: false });

export const resourceClassRoutes = ({ db }: PlacementDeps) => [
  route({
    method: 'GET',
    path: '/resource_classes',
    rule: resourceClassPolicy['placement:resource_classes:list'],
    summary: 'List resource classes',
    status: 200,
    async handler({ version }, h) {
      requireSince(version, 2);
      return fresh(h, version, { resource_classes: (await listNames(db, resourceClasses)).map(view) });
    },
  }),
  route({
    method: 'POST',
    path: '/resource_classes',
    rule: resourceClassPolicy['placement:resource_classes:create'],
    summary: 'Create a resource class',
    body: NewClass,
    status: 201,
    async handler({ body: { name }, version }, h) {
      requireSince(version, 2);
      if (!(await addName(db, resourceClasses, name)))
        throw new Conflict(`Conflicting resource class already exists: ${name}`);
      return unkept(h.response().code(201), version).header('location', pathOf(name));
    },
  }),
  route({
    method: 'GET',
    path: '/resource_classes/{name}',
    rule: resourceClassPolicy['placement:resource_classes:show'],
    summary: 'Show a resource class',
    status: 200,
    async handler({ params, version }, h) {
      requireSince(version, 2);
      const name = params.name ?? '';
      await requireName(db, resourceClasses, name);
      return fresh(h, version, view(name));
    },
  }),
  route({
    method: 'PUT',
    path: '/resource_classes/{name}',
    rule: resourceClassPolicy['placement:resource_classes:update'],
    summary: 'Create a resource class by its name, or find it there',
    status: 201,
    async handler({ params, version }, h) {
      requireSince(version, 7); // before, it was given another name, which nothing here needs
      const name = params.name ?? '';
      const isNew = await addName(db, resourceClasses, name);
      return unkept(h.response().code(isNew ? 201 : 204), version).header('location', pathOf(name));
    },
  }),
  route({
    method: 'DELETE',
    path: '/resource_classes/{name}',
    rule: resourceClassPolicy['placement:resource_classes:delete'],
    summary: 'Delete a resource class',
    status: 204,
    async handler({ params, version }, h) {
      requireSince(version, 2);
      await removeName(db, resourceClasses, params.name ?? '');
      return noContent(h);
    },
  }),
];

const pathOf = (name: string) => `${prefix}/resource_classes/${name}`;
const view = (name: string) => ({ name, links: [{ rel: 'self', href: pathOf(name) }] });
