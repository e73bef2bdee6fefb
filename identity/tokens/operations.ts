import type { Knex } from '../../common/database/database.ts';
import { Unauthorized } from '../../common/errors.ts';
import { Secret } from '../../common/secret.ts';
import { effectiveRolesOn, type Target } from '../roles/store.ts';
import { verifyPassword } from '../users/password.ts';
import { findUserWithPassword } from '../users/store.ts';
import type { User } from '../users/user.ts';
import type { SigningKey } from './keys.ts';
import { holdOffRevocations, type Revocations } from './revocations.ts';
import { newAuditId, signToken, type Token, type TokenScope, verifyToken } from './token.ts';
import type { VerifiedTokens } from './verified.ts';

export interface TokenDeps {
  db: Knex;
  keys: readonly SigningKey[];
  verified: VerifiedTokens;
  revocations: Revocations;
  tokenSeconds: number;
}

export interface NamedReference {
  id?: string;
  name?: string;
}

/** What `POST /v3/auth/tokens` asks, its JSON undone. */
export interface AuthenticationRequest {
  password?: { user: NamedReference & { domain?: NamedReference }; password: string };
  token?: string;
  scope: ScopeRequest;
}

export type ScopeRequest =
  | { project: NamedReference & { domain?: NamedReference } }
  | { domain: NamedReference }
  | 'system'
  | 'unscoped'
  /** The user's default project, if there is one that they may use. */
  | 'default';

/** One answer for every way a login can fail, so that none of them tells which names exist. */
const refused = (cause?: unknown) => new Unauthorized('The request you have made requires authentication.', { cause });

/** Checks who it is, decides the scope and the roles on it, and signs. Throws `Unauthorized` and says no more. */
export async function issueToken(
  deps: TokenDeps,
  asked: AuthenticationRequest,
): Promise<{ text: string; token: Token }> {
  const { db, tokenSeconds, keys } = deps;
  const who = await authenticateMethods(deps, asked);
  // What ends tokens ends those issued before it. So that none can be issued after it from what was read before it, the time
  // is taken first, and whoever revokes waits for those that are being issued.
  const { issuedAtUs, scope, roles } = await db.transaction(async (trx) => {
    await holdOffRevocations(trx);
    const { rows } = await trx.raw('select (extract(epoch from clock_timestamp()) * 1000000)::bigint as us');
    await confirm(trx, who);
    return { issuedAtUs: Number(rows[0].us), ...(await resolveScope(trx, who.user, asked.scope)) };
  });
  const parent = who.parent;
  const token: Token = {
    userId: who.user.id,
    userDomainId: who.user.domainId,
    scope,
    roles,
    methods: [...new Set([...who.methods, ...(parent?.methods ?? [])])],
    auditIds: [newAuditId(), ...(parent?.auditIds ?? [])],
    issuedAtUs,
    // A token bought with a token lives no longer than that one: otherwise a stolen one could be renewed for ever.
    expiresAt: parent?.expiresAt ?? new Date(Math.floor(issuedAtUs / 1000 + tokenSeconds * 1000)),
  };
  return { text: await signToken(token, keys[0] as SigningKey), token };
}

/** Verifies a token's signature, expiry and that nothing has ended it since. Throws `Unauthorized`. */
export async function checkToken(
  { keys, verified, revocations }: TokenDeps,
  text: string,
  options: { allowExpired?: boolean } = {},
): Promise<Token> {
  let token = verified.find(text);
  if (token === undefined) {
    token = await verifyToken(text, keys, options);
    verified.remember(text, token);
  }
  if (await revocations.isRevoked(token)) throw refused('revoked');
  return token;
}

/** Longest chain of exchanges that one login may become; each adds an audit id, by which revoking any of them reaches the rest. */
const longestChain = 16;

interface Authenticated {
  user: User;
  methods: string[];
  /** What the password was compared with; undefined when none was given. */
  passwordHash?: string | null;
  parent?: Token;
}

/** That the user is still there, enabled, and has the password that was checked, which took a while. */
async function confirm(trx: Knex, { user, passwordHash }: Authenticated): Promise<void> {
  await enabledUser(trx, { id: user.id });
  if (passwordHash === undefined) return;
  const now = await findUserWithPassword(trx, { id: user.id });
  if (now?.passwordHash !== passwordHash) throw refused('the password was changed meanwhile');
}

async function authenticateMethods(
  deps: TokenDeps,
  { password, token }: AuthenticationRequest,
): Promise<Authenticated> {
  const byPassword = password && (await authenticatePassword(deps.db, password));
  const byToken = token !== undefined ? await checkToken(deps, token) : undefined;
  if (byToken && byToken.auditIds.length >= longestChain) throw refused('exchanged too often');
  if (byPassword && byToken && byPassword.user.id !== byToken.userId) throw refused('methods name different users');
  const user = byPassword?.user ?? (byToken && (await enabledUser(deps.db, { id: byToken.userId })));
  if (user === undefined) throw refused('no method');
  return {
    user,
    methods: [...(byPassword ? ['password'] : []), ...(byToken ? ['token'] : [])],
    ...(byPassword && { passwordHash: byPassword.passwordHash }),
    ...(byToken && { parent: byToken }),
  };
}

async function authenticatePassword(
  db: Knex,
  { user, password }: NonNullable<AuthenticationRequest['password']>,
): Promise<{ user: User; passwordHash: string | null }> {
  const by = user.id !== undefined ? { id: user.id } : { name: user.name ?? '', domain: user.domain ?? {} };
  const found = await findUserWithPassword(db, by);
  const matches = await verifyPassword(new Secret(password), found?.passwordHash ?? null);
  if (!found || !matches) throw refused('password');
  return found;
}

/** Disabled users and users of disabled domains are told nothing else than strangers are. */
async function enabledUser(db: Knex, { id }: { id: string }): Promise<User> {
  const found = await findUserWithPassword(db, { id });
  if (!found?.user.enabled) throw refused('user disabled or gone');
  const domain = await db('domains').where({ id: found.user.domainId }).first('enabled');
  if (!domain?.enabled) throw refused('domain disabled');
  return found.user;
}

async function resolveScope(
  db: Knex,
  user: User,
  asked: ScopeRequest,
): Promise<{ scope: TokenScope; roles: string[] }> {
  if (asked === 'unscoped') return { scope: { type: 'unscoped' }, roles: [] };
  if (asked === 'default') {
    const id = user.defaultProjectId;
    const scoped = id === null ? undefined : await projectScope(db, user, { id });
    return scoped ?? { scope: { type: 'unscoped' }, roles: [] };
  }
  const resolved =
    asked === 'system'
      ? await rolesFor(db, user, 'system', { type: 'system' })
      : 'project' in asked
        ? await projectScope(db, user, asked.project)
        : await domainScope(db, user, asked.domain);
  if (resolved === undefined) throw refused('no role on the scope asked for');
  return resolved;
}

async function projectScope(db: Knex, user: User, reference: NamedReference & { domain?: NamedReference }) {
  const query = db('projects')
    .join('domains', 'domains.id', 'projects.domain_id')
    .where({ 'projects.enabled': true, 'domains.enabled': true });
  if (reference.id !== undefined) query.where('projects.id', reference.id);
  else query.where('projects.name', reference.name ?? '').where(...domainCondition(reference.domain ?? {}));
  const project = await query.first('projects.id');
  return project && rolesFor(db, user, { projectId: project.id }, { type: 'project', id: project.id });
}

async function domainScope(db: Knex, user: User, reference: NamedReference) {
  const domain = await db('domains')
    .where({ enabled: true })
    .where(...domainCondition(reference))
    .first('id');
  return domain && rolesFor(db, user, { domainId: domain.id }, { type: 'domain', id: domain.id });
}

function domainCondition({ id, name }: NamedReference): [string, string] {
  return id !== undefined ? ['domains.id', id] : ['domains.name', name ?? ''];
}

/** Nobody gets a token for a scope on which they have no role. */
async function rolesFor(db: Knex, user: User, target: Target, scope: TokenScope) {
  const roles = (await effectiveRolesOn(db, user.id, target)).map((role) => role.name);
  return roles.length === 0 ? undefined : { scope, roles };
}
