import { type Static, Type } from 'typebox';
import type { Context } from '../../common/context.ts';
import { NotFound } from '../../common/errors.ts';
import { one } from '../../common/http/page.ts';
import { noContent, route } from '../../common/http/route.ts';
import { anyScope, definePolicy, type Rule } from '../../common/policy/rules.ts';
import { type IdentityDeps, identityUrl } from '../deps.ts';
import { refuseDelegated } from '../tokens/delegated.ts';
import { createTrust, deleteTrust } from '../trusts/operations.ts';
import { findTrust, listTrusts } from '../trusts/store.ts';
import type { Trust, TrustRole } from '../trusts/trust.ts';
import { identityPage, listView } from './listing.ts';
import { cloudReaders, cloudReadersAndOwner, ownerOnly } from './personas.ts';

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]));
const id = Type.String({ minLength: 1, maxLength: 64 });
const roleReference = Type.Union([
  Type.Object({ id }, { additionalProperties: false }),
  Type.Object({ name: Type.String({ minLength: 1, maxLength: 255 }) }, { additionalProperties: false }),
]);

const CreateTrust = Type.Object(
  {
    trust: Type.Object({
      trustor_user_id: id,
      trustee_user_id: id,
      impersonation: Type.Boolean(),
      project_id: nullable(id),
      roles: Type.Optional(Type.Array(roleReference, { maxItems: 1000 })),
      expires_at: nullable(Type.String({ maxLength: 64 })),
      remaining_uses: nullable(Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })),
      allow_redelegation: nullable(Type.Boolean()),
      redelegation_count: nullable(Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 })),
    }),
  },
  { additionalProperties: false },
);

const trustor = 'target.trust.trustor_user_id';
const trustee = 'target.trust.trustee_user_id';
const agents = (description: string) => {
  const { check } = cloudReadersAndOwner(trustor, description);
  return { check: `${check} or user_id:%(${trustee})s`, scopes: anyScope, description } as const;
};

export const trustPolicy = definePolicy({
  'identity:create_trust': {
    check: `user_id:%(${trustor})s`,
    scopes: ['project'],
    description: 'Create a trust of one’s own',
  },
  'identity:list_trusts': cloudReaders('List all trusts'),
  'identity:list_trusts_for_trustor': cloudReadersAndOwner(trustor, 'List the trusts that a user has made'),
  'identity:list_trusts_for_trustee': cloudReadersAndOwner(trustee, 'List the trusts made for a user'),
  'identity:get_trust': agents('Show a trust; both its users may'),
  'identity:list_roles_for_trust': agents('List the roles that a trust hands on'),
  'identity:get_role_for_trust': agents('Show whether a trust hands on a role'),
  'identity:delete_trust': ownerOnly(trustor, 'End a trust that one has made'),
});

function trustView(deps: IdentityDeps, trust: Trust) {
  const self = `${identityUrl(deps)}/OS-TRUST/trusts/${trust.id}`;
  return {
    id: trust.id,
    trustor_user_id: trust.trustorId,
    trustee_user_id: trust.trusteeId,
    project_id: trust.projectId,
    impersonation: trust.impersonation,
    expires_at: trust.expiresAt && `${trust.expiresAt}Z`,
    remaining_uses: trust.remainingUses,
    redelegation_count: trust.redelegationCount,
    redelegated_trust_id: trust.redelegatedTrustId,
    deleted_at: null,
    links: { self },
  };
}

function roleView(deps: IdentityDeps, { id, name, description }: TrustRole) {
  return { id, name, description, domain_id: null, options: {}, links: { self: `${identityUrl(deps)}/roles/${id}` } };
}

function rolesView(deps: IdentityDeps, { id, roles }: Trust) {
  const self = `${identityUrl(deps)}/OS-TRUST/trusts/${id}/roles`;
  return { roles: roles.map((role) => roleView(deps, role)), links: { self, previous: null, next: null } };
}

function fullView(deps: IdentityDeps, trust: Trust) {
  const { roles, links } = rolesView(deps, trust);
  return { ...trustView(deps, trust), roles, roles_links: links };
}

function unpack(asked: Static<typeof CreateTrust>['trust']) {
  return {
    trustorId: asked.trustor_user_id,
    trusteeId: asked.trustee_user_id,
    projectId: asked.project_id ?? null,
    impersonation: asked.impersonation,
    roles: asked.roles ?? [],
    expiresAt: asked.expires_at ?? null,
    remainingUses: asked.remaining_uses ?? null,
    allowRedelegation: asked.allow_redelegation ?? false,
    redelegationCount: asked.redelegation_count ?? null,
  };
}

export const trustRoutes = (deps: IdentityDeps) => {
  const { db, enforcer } = deps;
  const get = async (id: string): Promise<Trust> => {
    const trust = await findTrust(db, id);
    if (trust === undefined) throw new NotFound('trust', id);
    return trust;
  };
  /** Whom the rule refuses gets the same 404 as for one that is not there: keystone's clients expect 404 of those. */
  const ofTrust =
    (rule: Rule) =>
    async ({ trust_id = '' }: Record<string, string>, ctx: Context) => {
      refuseDelegated(ctx, 'trusts');
      const { trustorId, trusteeId } = await get(trust_id);
      const target = { [trustor]: trustorId, [trustee]: trusteeId };
      if (!enforcer.allows(ctx, rule, target)) throw new NotFound('trust', trust_id);
      return target;
    };
  return [
    route({
      method: 'GET',
      path: '/v3/OS-TRUST/trusts',
      rule: trustPolicy['identity:list_trusts_for_trustor'],
      summary: 'List trusts',
      // Which of three rules it is depends on the query; one about the caller alone is asked here, the others below.
      target: (_params, ctx, query) => ({ [trustor]: one(query.trustor_user_id) ?? ctx.userId }),
      status: 200,
      async handler({ ctx, query, request }) {
        const [trustorId, trusteeId] = [one(query.trustor_user_id), one(query.trustee_user_id)];
        if (trustorId === undefined && trusteeId === undefined)
          enforcer.authorize(ctx, trustPolicy['identity:list_trusts'], {});
        if (trustorId === undefined && trusteeId !== undefined)
          enforcer.authorize(ctx, trustPolicy['identity:list_trusts_for_trustee'], { [trustee]: trusteeId });
        refuseDelegated(ctx, 'trusts'); // nor may programs see whom else one trusts, as in keystone
        const { trusts, more } = await listTrusts(db, { trustorId, trusteeId }, identityPage(query));
        const views = trusts.map((trust) => trustView(deps, trust));
        return listView(deps, 'trusts', views, { url: request.url, more, path: 'OS-TRUST/trusts' });
      },
    }),
    route({
      method: 'POST',
      path: '/v3/OS-TRUST/trusts',
      rule: trustPolicy['identity:create_trust'],
      summary: 'Create a trust',
      target: (_params, ctx) => ({ [trustor]: ctx.userId }),
      body: CreateTrust,
      bodyTarget: ({ trust }) => ({ [trustor]: trust.trustor_user_id }),
      status: 201,
      async handler({ ctx, body }, h) {
        const trust = await createTrust(deps, ctx, unpack(body.trust));
        return h.response({ trust: fullView(deps, trust) }).code(201);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/OS-TRUST/trusts/{trust_id}',
      rule: trustPolicy['identity:get_trust'],
      summary: 'Show a trust',
      target: ofTrust(trustPolicy['identity:get_trust']),
      status: 200,
      handler: async ({ params }) => ({ trust: fullView(deps, await get(params.trust_id ?? '')) }),
    }),
    route({
      method: 'DELETE',
      path: '/v3/OS-TRUST/trusts/{trust_id}',
      rule: trustPolicy['identity:delete_trust'],
      summary: 'End a trust, those it was redelegated to, and their tokens',
      target: ofTrust(trustPolicy['identity:delete_trust']),
      status: 204,
      async handler({ ctx, params }, h) {
        await deleteTrust(deps, ctx, params.trust_id ?? '');
        return noContent(h);
      },
    }),
    route({
      method: 'GET',
      path: '/v3/OS-TRUST/trusts/{trust_id}/roles',
      rule: trustPolicy['identity:list_roles_for_trust'],
      summary: 'List the roles of a trust',
      target: ofTrust(trustPolicy['identity:list_roles_for_trust']),
      status: 200,
      handler: async ({ params }) => rolesView(deps, await get(params.trust_id ?? '')),
    }),
    route({
      method: 'GET',
      path: '/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}',
      rule: trustPolicy['identity:get_role_for_trust'],
      summary: 'Show a role of a trust (HEAD: check it)',
      target: ofTrust(trustPolicy['identity:get_role_for_trust']),
      status: 200,
      async handler({ params }) {
        const { roles } = await get(params.trust_id ?? '');
        const role = roles.find(({ id }) => id === params.role_id);
        if (role === undefined) throw new NotFound('role', params.role_id ?? '');
        return { role: roleView(deps, role) };
      },
    }),
  ];
};
