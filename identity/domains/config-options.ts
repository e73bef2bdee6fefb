import { Forbidden } from '../../common/errors.ts';
import type { SecurityCompliance } from '../security-compliance/compliance.ts';
import { defaultDomainId } from './domain.ts';

/** A domain's own options: groups of options, as the API and keystone's configuration files have them. */
export type DomainConfig = Record<string, Record<string, unknown>>;

/** The options that a domain may have, and what they are where it has none (keystone/conf/ldap.py, identity.py). */
const defaults: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  identity: { driver: 'sql', list_limit: null },
  ldap: {
    url: 'ldap://localhost',
    user: null,
    suffix: 'cn=example,cn=com',
    query_scope: 'one',
    page_size: 0,
    alias_dereferencing: 'default',
    debug_level: null,
    chase_referrals: null,
    user_tree_dn: null,
    user_filter: null,
    user_objectclass: 'inetOrgPerson',
    user_id_attribute: 'cn',
    user_name_attribute: 'sn',
    user_mail_attribute: 'mail',
    user_description_attribute: 'description',
    user_pass_attribute: 'userPassword',
    user_enabled_attribute: 'enabled',
    user_enabled_invert: false,
    user_enabled_mask: 0,
    user_enabled_default: 'True',
    user_attribute_ignore: ['default_project_id'],
    user_default_project_id_attribute: null,
    user_enabled_emulation: false,
    user_enabled_emulation_dn: null,
    user_enabled_emulation_use_group_config: false,
    user_additional_attribute_mapping: [],
    group_tree_dn: null,
    group_filter: null,
    group_objectclass: 'groupOfNames',
    group_id_attribute: 'cn',
    group_name_attribute: 'ou',
    group_members_are_ids: false,
    group_member_attribute: 'member',
    group_desc_attribute: 'description',
    group_attribute_ignore: [],
    group_additional_attribute_mapping: [],
    tls_cacertfile: null,
    tls_cacertdir: null,
    use_tls: false,
    tls_req_cert: 'demand',
    use_pool: true,
    pool_size: 10,
    pool_retry_max: 3,
    pool_retry_delay: 0.1,
    pool_connection_timeout: -1,
    pool_connection_lifetime: 600,
    use_auth_pool: true,
    auth_pool_size: 100,
    auth_pool_connection_lifetime: 60,
  },
};

/** Options that are kept, and never shown. */
const sensitive: Readonly<Record<string, readonly string[]>> = { ldap: ['password'] };

export function isSensitive(group: string, option: string): boolean {
  return Object.hasOwn(sensitive, group) && (sensitive[group] as readonly string[]).includes(option);
}

export const invalid = (reason: string) => new Forbidden(`Invalid domain specific configuration: ${reason}.`);

/** Throws `Forbidden`, as keystone does, for what no domain can have of its own. */
export function checkSupported(group: string, option?: string): void {
  const known = Object.hasOwn(defaults, group) ? defaults[group] : undefined;
  if (!known) throw invalid(`Group ${group} is not supported for domain specific configurations`);
  if (option !== undefined && !Object.hasOwn(known, option) && !isSensitive(group, option))
    throw invalid(`Option ${option} in group ${group} is not supported for domain specific configurations`);
}

/** What holds where a domain has nothing of its own: all groups, one, or the value of one option by its name. */
export function defaultConfig(group?: string, option?: string): Readonly<Record<string, unknown>> {
  if (group === undefined) return defaults;
  checkSupported(group, option);
  const options = defaults[group] ?? {};
  if (option === undefined) return { [group]: options };
  if (isSensitive(group, option))
    throw invalid(`Reading the default for option ${option} in group ${group} is not supported`);
  return { [option]: options[option] };
}

/**
 * What everybody may know of what is demanded of passwords. Throws `Forbidden`, as keystone does, for more than that, and for
 * any domain but the default one.
 */
export function passwordDemands(
  { patternText, patternDescription }: Pick<SecurityCompliance, 'patternText' | 'patternDescription'>,
  domainId: string,
  option?: string,
): Readonly<Record<string, unknown>> {
  if (domainId !== defaultDomainId)
    throw invalid(
      'Reading security compliance information for any domain other than the default domain is not supported',
    );
  const demands: Record<string, unknown> = {
    password_regex: patternText || null,
    password_regex_description: patternDescription || null,
  };
  if (option === undefined) return { security_compliance: demands };
  if (!Object.hasOwn(demands, option))
    throw invalid(`Reading security compliance values other than ${Object.keys(demands).join(' and ')} is not allowed`);
  return { [option]: demands[option] };
}
