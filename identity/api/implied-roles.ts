import { noContent, route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { listImplications } from '../roles/implications.ts';
import { getImplication, implyRole, stopImplying } from '../roles/operations.ts';
import type { Implication, Role } from '../roles/role.ts';
import { getRole } from '../roles/store.ts';
import { administrators, cloudReaders } from './personas.ts';

export const impliedRolePolicy = definePolicy({
  'identity:get_implied_role': cloudReaders('Show that a role implies another'),
  'identity:list_implied_roles': cloudReaders('List what a role implies'),
  'identity:check_implied_role': cloudReaders('Check whether a role implies another'),
  'identity:create_implied_role': administrators('Let a role imply another'),
  'identity:delete_implied_role': administrators('Let a role imply another no longer'),
  'identity:list_role_inference_rules': cloudReaders('List which roles imply which'),
});

const one = '/v3/roles/{prior_role_id}/implies/{implied_role_id}';

export const impliedRoleRoutes = (deps: IdentityDeps) => {
  const base = `${identityUrl(deps)}/roles`;
  const short = ({ id, name }: Role) => ({ id, name, links: { self: `${base}/${id}` } });
  const view = ({ prior, implied }: Implication) => ({
    role_inference: { prior_role: short(prior), implies: short(implied) },
    links: { self: `${base}/${prior.id}/implies/${implied.id}` },
  });
  return [
    route({
      method: 'GET',
      path: '/v3/roles/{prior_role_id}/implies',
      rule: impliedRolePolicy['identity:list_implied_roles'],
      summary: 'List what a role implies directly',
      status: 200,
      async handler({ params }) {
        const prior = await getRole(deps.db, params.prior_role_id ?? '');
        const implications = await listImplications(deps.db, { priorId: prior.id });
        return {
          role_inference: { prior_role: short(prior), implies: implications.map(({ implied }) => short(implied)) },
          links: { self: `${base}/${prior.id}/implies` },
        };
      },
    }),
    route({
      // HEAD comes here too, has a rule of its own besides, and is the only one that says 204.
      method: 'GET',
      path: one,
      rule: impliedRolePolicy['identity:get_implied_role'],
      summary: 'Show that a role implies another',
      status: 200,
      async handler({ ctx, params, request }, h) {
        const isCheck = request.method === 'head';
        if (isCheck) deps.enforcer.authorize(ctx, impliedRolePolicy['identity:check_implied_role']);
        const implication = await getImplication(deps.db, params.prior_role_id ?? '', params.implied_role_id ?? '');
        return isCheck ? noContent(h) : view(implication);
      },
    }),
    route({
      method: 'PUT',
      path: one,
      rule: impliedRolePolicy['identity:create_implied_role'],
      summary: 'Let a role imply another',
      status: 201,
      async handler({ params }, h) {
        const implication = await implyRole(deps, params.prior_role_id ?? '', params.implied_role_id ?? '');
        return h.response(view(implication)).code(201);
      },
    }),
    route({
      method: 'DELETE',
      path: one,
      rule: impliedRolePolicy['identity:delete_implied_role'],
      summary: 'Let a role imply another no longer',
      status: 204,
      async handler({ params }, h) {
        await stopImplying(deps, params.prior_role_id ?? '', params.implied_role_id ?? '');
        return noContent(h);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/role_inferences',
      rule: impliedRolePolicy['identity:list_role_inference_rules'],
      summary: 'List which roles imply which',
      status: 200,
      async handler() {
        const byPrior = Map.groupBy(await listImplications(deps.db), ({ prior }) => prior.id);
        const inferences = [...byPrior.values()].map((implications) => ({
          prior_role: short((implications[0] as Implication).prior),
          implies: implications.map(({ implied }) => short(implied)),
        }));
        const links = { self: `${identityUrl(deps)}/role_inferences`, previous: null, next: null };
        return { role_inferences: inferences, links };
      },
    }),
  ];
};
