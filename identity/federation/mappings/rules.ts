import { conditionOf, type DomainReference, isDirect, type Local, type Mapping, type Remote } from './mapping.ts';
import { compilePattern } from './pattern.ts';
import { type DirectValues, expandList, expandText } from './template.ts';
import { Unmappable } from './unmappable.ts';

/** What is said of somebody: each attribute with its values, never none. */
export type Assertion = ReadonlyMap<string, readonly string[]>;

export interface MappedUser {
  id?: string;
  name?: string;
  email?: string;
  domain?: DomainReference;
  /** `local`: somebody who is a user here already, with the roles that they have here. */
  type: 'ephemeral' | 'local';
}

export interface MappedGroup {
  name: string;
  domain: DomainReference;
}

export interface MappedProject {
  name: string;
  /** That of the identity provider where there is none. */
  domain?: DomainReference;
  roles: string[];
}

/** What a mapping makes of an assertion. */
export interface Mapped {
  user: MappedUser;
  groupIds: string[];
  groupNames: MappedGroup[];
  projects: MappedProject[];
}

/**
 * Applies every rule whose requirements are all met, as keystone's code does (its documentation says the first one only):
 * groups add up, the first user wins and, of projects, the last rule's. Throws `Unmappable` when no rule is met.
 */
export function applyMapping(mapping: Mapping, assertion: Assertion): Mapped {
  const met: { local: Local; values: DirectValues }[] = [];
  for (const { remote, local } of mapping.rules) {
    const values = directValues(remote, assertion);
    if (values) met.push(...local.map((one) => ({ local: one, values })));
  }
  if (met.length === 0) throw new Unmappable('none of its rules is about you');
  const honoursDomain = mapping.schemaVersion === '2.0';
  const lastDomain = met.at(-1);
  const user = met.find(({ local }) => local.user !== undefined && Object.keys(local.user).length > 0);
  const projects = met.findLast(({ local }) => local.projects !== undefined);
  return {
    user: {
      ...(honoursDomain &&
        lastDomain?.local.domain && { domain: domainOf(lastDomain.local.domain, lastDomain.values) }),
      ...userOf(user?.local.user, user?.values ?? []),
    },
    groupIds: [...new Set(met.flatMap(({ local, values }) => groupIdsOf(local, values)))],
    groupNames: met.flatMap(({ local, values }) => groupNamesOf(local, values)),
    projects: projects ? projectsOf(projects.local, projects.values, honoursDomain) : [],
  };
}

/** The values to refer to when every requirement is met; undefined when one is not. An attribute that is not there meets none. */
function directValues(remotes: readonly Remote[], assertion: Assertion): string[][] | undefined {
  const direct: string[][] = [];
  for (const remote of remotes) {
    const said = assertion.get(remote.type);
    if (said === undefined || said.length === 0) return undefined;
    const condition = conditionOf(remote);
    if (condition === undefined) {
      direct.push([...said]);
      continue;
    }
    const matches = matcher(condition.values, remote.regex === true);
    const matching = said.filter(matches);
    if (condition.kind === 'any_one_of' && matching.length === 0) return undefined;
    if (condition.kind === 'not_any_of' && matching.length > 0) return undefined;
    if (!isDirect(remote)) continue;
    direct.push(condition.kind === 'whitelist' ? matching : said.filter((value) => !matching.includes(value)));
  }
  return direct;
}

function matcher(values: readonly string[], isRegex: boolean): (said: string) => boolean {
  if (!isRegex) return (said) => values.includes(said);
  const patterns = values.map(compilePattern);
  return (said) => patterns.some((pattern) => pattern(said));
}

function userOf(user: Local['user'], values: DirectValues): MappedUser {
  if (user === undefined) return { type: 'ephemeral' };
  const email = user.email && expandText(user.email, values);
  return {
    ...(user.id !== undefined && { id: exactlyOne('user id', user.id, values) }),
    ...(user.name !== undefined && { name: exactlyOne('user name', user.name, values) }),
    ...(email !== undefined && { email }),
    ...(user.domain && { domain: domainOf(user.domain, values) }),
    type: user.type ?? 'ephemeral',
  };
}

function groupIdsOf({ group, group_ids }: Local, values: DirectValues): string[] {
  const one = group?.id === undefined ? undefined : expandText(group.id, values);
  return [...(one === undefined ? [] : [one]), ...(group_ids === undefined ? [] : expandList(group_ids, values))];
}

function groupNamesOf({ group, groups, domain }: Local, values: DirectValues): MappedGroup[] {
  const named: MappedGroup[] = [];
  if (group?.name !== undefined && group.domain) {
    const name = expandText(group.name, values);
    if (name !== undefined) named.push({ name, domain: domainOf(group.domain, values) });
  }
  if (groups === undefined) return named;
  const texts = expandList(groups, values);
  if (domain === undefined) return [...named, ...texts.map(groupWithDomain)];
  const expanded = domainOf(domain, values);
  return [...named, ...texts.map((name) => ({ name, domain: expanded }))];
}

/** Without a `domain` beside `groups`, the identity provider names the domain: `JSON:{"name": …, "domain": {"name": …}}`. */
function groupWithDomain(text: string): MappedGroup {
  try {
    const { name, domain } = JSON.parse(text.replace(/^JSON:/, '')) as { name?: unknown; domain?: DomainReference };
    const reference = typeof domain?.id === 'string' ? domain.id : domain?.name;
    if (text.startsWith('JSON:') && typeof name === 'string' && typeof reference === 'string')
      return { name, domain: typeof domain?.id === 'string' ? { id: reference } : { name: reference } };
  } catch {
    // said below
  }
  throw new Unmappable('it has groups without a domain');
}

function projectsOf(local: Local, values: DirectValues, honoursDomain: boolean): MappedProject[] {
  return (local.projects ?? []).map(({ name, roles, domain }) => {
    const own = domain ?? (honoursDomain ? local.domain : undefined);
    return {
      name: exactlyOne('project', name, values),
      roles: roles.map((role) => exactlyOne('role', role.name, values)),
      ...(own && { domain: domainOf(own, values) }),
    };
  });
}

function domainOf({ id, name }: DomainReference, values: DirectValues): DomainReference {
  return id !== undefined
    ? { id: exactlyOne('domain', id, values) }
    : { name: exactlyOne('domain', name ?? '', values) };
}

function exactlyOne(what: string, text: string, values: DirectValues): string {
  const expanded = expandText(text, values);
  if (expanded !== undefined && expanded.trim() !== '' && expanded.length <= 255) return expanded;
  throw new Unmappable(`the ${what} "${text}" is not exactly one name of at most 255 characters`);
}
