import { Type } from 'typebox';
import { noContent, route } from '../../common/http/route.ts';
import { authenticated, definePolicy } from '../../common/policy/rules.ts';
import type { IdentityDeps } from '../deps.ts';
import { changeConfig, getConfig, type Part, removeConfig, replaceConfig } from '../domains/config.ts';
import { defaultConfig, passwordDemands } from '../domains/config-options.ts';
import { administrators, cloudReaders } from './personas.ts';

/** What is in it is checked option by option: see identity/domains/config.ts. */
const Config = Type.Object({ config: Type.Record(Type.String(), Type.Unknown()) }, { additionalProperties: false });

export const domainConfigPolicy = definePolicy({
  'identity:create_domain_config': administrators('Replace the configuration of a domain'),
  'identity:get_domain_config': cloudReaders('Show the configuration of a domain, or a part of it'),
  'identity:get_domain_config_default': cloudReaders('Show what holds where a domain has no configuration'),
  'identity:get_security_compliance_domain_config': authenticated('Show what is demanded of passwords'),
  'identity:update_domain_config': administrators('Change the configuration of a domain, or a part of it'),
  'identity:delete_domain_config': administrators('Remove the configuration of a domain, or a part of it'),
});

const base = '/v3/domains/{domain_id}/config';
/** All of a domain's configuration, one group of options, one option. */
const parts = [
  { path: '', name: 'the configuration of a domain' },
  { path: '/{group}', name: 'a group of options of a domain' },
  { path: '/{group}/{option}', name: 'an option of a domain' },
] as const;

const partOf = ({ group, option }: Record<string, string>): Part => ({ group, option });

export const domainConfigRoutes = (deps: IdentityDeps) => [
  route({
    method: 'PUT',
    path: base,
    rule: domainConfigPolicy['identity:create_domain_config'],
    summary: 'Set the configuration of a domain; answers 200 where there was one',
    body: Config,
    status: 201,
    async handler({ params, body }, h) {
      const { config, isNew } = await replaceConfig(deps, params.domain_id ?? '', body.config);
      return h.response({ config }).code(isNew ? 201 : 200);
    },
  }),
  ...['', '/{option}'].map((path) =>
    route({
      method: 'GET',
      path: `${base}/security_compliance${path}`,
      rule: domainConfigPolicy['identity:get_security_compliance_domain_config'],
      summary: `Show ${path === '' ? 'what' : 'one part of what'} is demanded of passwords`,
      status: 200,
      handler: ({ params }) => ({ config: passwordDemands(deps.compliance, params.domain_id ?? '', params.option) }),
    }),
  ),
  ...parts.flatMap(({ path, name }) => [
    route({
      method: 'GET',
      path: `/v3/domains/config${path}/default`,
      rule: domainConfigPolicy['identity:get_domain_config_default'],
      summary: `Show the defaults of ${name}`,
      status: 200,
      handler: ({ params }) => ({ config: defaultConfig(params.group, params.option) }),
    }),
    route({
      method: 'GET',
      path: `${base}${path}`,
      rule: domainConfigPolicy['identity:get_domain_config'],
      summary: `Show ${name}`,
      status: 200,
      handler: async ({ params }) => ({ config: await getConfig(deps.db, params.domain_id ?? '', partOf(params)) }),
    }),
    route({
      method: 'PATCH',
      path: `${base}${path}`,
      rule: domainConfigPolicy['identity:update_domain_config'],
      summary: `Change ${name}`,
      body: Config,
      status: 200,
      handler: async ({ params, body }) => ({
        config: await changeConfig(deps, params.domain_id ?? '', partOf(params), body.config),
      }),
    }),
    route({
      method: 'DELETE',
      path: `${base}${path}`,
      rule: domainConfigPolicy['identity:delete_domain_config'],
      summary: `Remove ${name}`,
      status: 204,
      async handler({ params }, h) {
        await removeConfig(deps, params.domain_id ?? '', partOf(params));
        return noContent(h);
      },
    }),
  ]),
];
