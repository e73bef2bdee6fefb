import type { Knex } from '../../../common/database/database.ts';
import { contextOf } from '../../../identity/plugin.ts';
import type { Token } from '../../../identity/tokens/token.ts';
import type { RegistryDeps } from '../deps.ts';
import { parseName } from '../names.ts';
import { allowsOn, rulesOf } from './judge.ts';
import type { Login } from './log-in.ts';
import { type Action, actions, type Grant } from './registry-token.ts';

/** One of what a client asks for: `repository:p1/app:pull,push` or `registry:catalog:*`. */
interface AskedScope {
  type: string;
  name: string;
  actions: string[];
}

/** Docker asks for one repository, or for two when it pushes what it may mount from another. */
const mostScopes = 20;

/** What of it is no scope is left out, as what is not granted is. */
export function readScopes(values: string[]): AskedScope[] {
  const texts = values.flatMap((value) => value.split(' ')).filter((text) => text !== '');
  return texts.slice(0, mostScopes).flatMap((text) => {
    const [, type, name, asked] = /^([a-z]+)(?:\([a-z]+\))?:(.+):([a-z*,]*)$/.exec(text) ?? [];
    return type === undefined || name === undefined ? [] : [{ type, name, actions: (asked ?? '').split(',') }];
  });
}

/**
 * What of the scopes is granted, and by which rights. A project that is not there, one where they have no role and one where
 * the role does not suffice all look alike.
 */
export async function grantsOf(deps: RegistryDeps, login: Login, scopes: AskedScope[]): Promise<Grant[]> {
  const byRights = new Map<Token, Grant>();
  const grantOf = (rights: Token): Grant => {
    const grant = byRights.get(rights) ?? { rights, repositories: [], catalog: false };
    byRights.set(rights, grant);
    return grant;
  };
  const rights = new Map<string, Token | undefined>();
  for (const scope of scopes) {
    if (scope.type === 'registry' && scope.name === 'catalog') grantOf(login.usualRights).catalog = true;
    const name = scope.type === 'repository' ? parseName(scope.name) : undefined;
    const projectId = name && (await findProjectId(deps.db, name.project));
    if (name === undefined || projectId === undefined) continue;
    if (!rights.has(projectId)) rights.set(projectId, await login.rightsOn(projectId));
    const held = rights.get(projectId);
    if (held === undefined) continue;
    const wanted = actions.filter((action) => scope.actions.includes(action) || scope.actions.includes('*'));
    const granted = wanted.filter((action) => mayDo(deps, held, action, projectId));
    if (granted.length > 0) grantOf(held).repositories.push({ name: name.text, projectId, actions: granted });
  }
  // Who logs in without asking for anything gets a token that says who they are.
  if (byRights.size === 0) grantOf(login.usualRights);
  return [...byRights.values()];
}

function mayDo(deps: RegistryDeps, rights: Token, action: Action, projectId: string): boolean {
  const ctx = contextOf(rights, '');
  return rulesOf[action].some((rule) => allowsOn(deps, ctx, rule, projectId));
}

/** The project whose id it is; otherwise the one of that name in the default domain. Only one that is enabled. */
export async function findProjectId(db: Knex, reference: string): Promise<string | undefined> {
  const rows: { id: string }[] = await db('projects as p')
    .join('domains as d', 'd.id', 'p.domain_id')
    .where({ 'p.enabled': true, 'd.enabled': true })
    .where((one) => one.where('p.id', reference).orWhere({ 'p.name': reference, 'd.id': 'default' }))
    .select('p.id');
  return (rows.find(({ id }) => id === reference) ?? rows[0])?.id;
}
