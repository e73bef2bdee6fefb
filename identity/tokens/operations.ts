import { Unauthorized } from '../../common/errors.ts';
import { isInactive, isLocked, recordLogin } from '../users/login.ts';
import { type Access, type AccessRequest, type AskedScope, readAccess } from './access.ts';
import { asToken, checkStill } from './check.ts';
import { refused, type TokenDeps } from './deps.ts';
import type { Grant, Proof } from './methods/proof.ts';
import { missingMethods } from './multi-factor.ts';
import {
  newAuditId,
  type Receipt,
  signReceipt,
  signToken,
  type Token,
  type TokenFederation,
  type TokenScope,
} from './token.ts';

/** What is asked of whoever has proven who they are. */
export interface TokenRequest {
  proofs: Proof[];
  scope: AskedScope;
  /** Instead of a scope: rights that somebody handed on (a trust). */
  grant?: Grant;
  /** What was proven in the attempt before. */
  receipt?: Receipt;
}

export interface IssuedToken {
  text: string;
  token: Token;
  /** The names of what the token says, from the snapshot that it was made from. */
  access: Access;
}

/** The account asks for more methods than were given: the receipt goes on with those that were. */
export class MoreMethodsNeeded extends Unauthorized {
  readonly receipt: { text: string; receipt: Receipt };
  readonly access: Access;
  readonly required: string[][];
  constructor(receipt: MoreMethodsNeeded['receipt'], access: Access, required: string[][]) {
    super('Additional authentications steps required.');
    this.receipt = receipt;
    this.access = access;
    this.required = required;
  }
}

const receiptSeconds = 300;

/** Decides the scope and the roles on it, and signs. Throws `Unauthorized` and says no more, or `MoreMethodsNeeded`. */
export async function issueToken(deps: TokenDeps, asked: TokenRequest): Promise<IssuedToken> {
  const { proofs } = asked;
  const userId = commonUser(asked);
  const parent = proofs.find((proof) => proof.parent)?.parent;
  const federation = proofs.find((proof) => proof.federation)?.federation ?? asked.receipt?.federation ?? null;
  const grant = asked.grant ?? proofs.find((proof) => proof.grant)?.grant;
  const access = await readAccess(deps.db, accessRequest(asked, userId, grant, federation?.groupIds));
  if (!access?.user.enabled || isInactive(access.user.login, deps.compliance)) throw refused('user gone or disabled');
  if (grant?.expiresAt && grant.expiresAt.getTime() * 1000 <= access.nowUs)
    throw refused('what was handed on has expired');
  // They were looked at before the snapshot was taken; what happened in between ends them, and so what would be made of them.
  if (parent) await checkStill(deps, parent, access.epoch);
  if (asked.receipt) await checkStill(deps, asToken(asked.receipt), access.epoch);
  const isThemselves = access.user.id === userId; // and not somebody who trusts them
  if (isThemselves) confirmGuessable(deps, proofs, access);
  const methods = [
    ...new Set([...proofs.map((proof) => proof.method), ...(asked.receipt?.methods ?? []), ...(parent?.methods ?? [])]),
  ];
  if (!grant && !parent) await askForMore(deps, methods, federation, access);
  const token: Token = {
    userId: access.user.id,
    userDomainId: access.user.domain.id,
    scope: decidedScope(grant?.scope ?? asked.scope, access),
    roles: access.roles.map((role) => role.name),
    methods,
    auditIds: [newAuditId(), ...(parent?.auditIds ?? [])],
    epoch: Math.min(access.epoch, grant?.epoch ?? access.epoch),
    issuedAtUs: access.nowUs,
    expiresAt: expiry(deps, access, parent, grant),
    delegation: grant?.delegation ?? null,
    federation,
  };
  if (!parent && isThemselves)
    await recordLogin(deps.db, userId, access.user.login, { forgivesFailures: proofs.some(isGuessable) });
  return { text: await signToken(token, deps.keys.signing()), token, access };
}

/** All methods must be about one user, or somebody would be let in by another's second factor. */
function commonUser({ proofs, receipt }: TokenRequest): string {
  const users = new Set([...proofs.map((proof) => proof.userId), ...(receipt ? [receipt.userId] : [])]);
  const [userId] = users;
  if (userId === undefined || users.size > 1) throw refused('no method, or methods about different users');
  return userId;
}

function accessRequest(
  { scope }: TokenRequest,
  userId: string,
  grant: Grant | undefined,
  groupIds: readonly string[] | undefined,
): AccessRequest {
  if (!grant) return { userId, scope, ...(groupIds && { groupIds }) };
  const { roleIds, holderId, userId: grantee, delegation } = grant;
  return {
    userId: grantee,
    holderId,
    scope: grant.scope,
    ...(roleIds && { onlyRoleIds: roleIds }),
    ...(delegation?.type === 'application_credential' && { applicationCredentialId: delegation.id }),
  };
}

/** The password was right and serves for choosing another, and for nothing else. */
class PasswordExpired extends Unauthorized {}

const isGuessable = ({ method }: Proof) => method === 'password' || method === 'totp';

/**
 * Comparing a password takes a while; it must be the user's still, and nobody who tried many at once may have been locked
 * out in between. That it has expired is told to nobody but who knows it.
 */
function confirmGuessable({ compliance }: TokenDeps, proofs: Proof[], { user, nowUs }: Access): void {
  if (proofs.some(isGuessable) && isLocked(user.login, compliance)) throw refused('locked');
  for (const { passwordHash } of proofs) {
    if (passwordHash === undefined) continue;
    if (passwordHash !== user.passwordHash) throw refused('the password was changed meanwhile');
    if (user.options.ignore_password_expiry !== true && (user.passwordExpiresAt?.getTime() ?? Infinity) <= nowUs / 1000)
      // The dashboards and clients of OpenStack know it by these words (keystone/exception.py).
      throw new PasswordExpired(`The password is expired and needs to be changed for user: ${user.id}.`);
  }
}

async function askForMore(
  { keys }: TokenDeps,
  methods: string[],
  federation: TokenFederation | null,
  access: Access,
): Promise<void> {
  const required = missingMethods(access.user.options, methods);
  if (required === null) return;
  const issuedAt = new Date(access.nowUs / 1000);
  const expiresAt = new Date(issuedAt.getTime() + receiptSeconds * 1000);
  const receipt = { userId: access.user.id, methods, epoch: access.epoch, issuedAt, expiresAt, federation };
  throw new MoreMethodsNeeded({ text: await signReceipt(receipt, keys.signing()), receipt }, access, required);
}

/** Nobody gets a token for a scope on which they have no role. */
function decidedScope(asked: AskedScope, { project, domain, roles }: Access): TokenScope {
  const has = roles.length > 0;
  if (asked.type === 'unscoped') return { type: 'unscoped' };
  if (asked.type === 'default' && !(has && project)) return { type: 'unscoped' };
  if (asked.type === 'system' && has) return { type: 'system' };
  if (asked.type === 'domain' && has && domain) return { type: 'domain', id: domain.id };
  if (has && project) return { type: 'project', id: project.id };
  throw refused('no role on the scope asked for');
}

/** A token bought with a token lives no longer than that one: otherwise a stolen one could be renewed for ever. */
function expiry({ tokenSeconds }: TokenDeps, { nowUs }: Access, parent?: Token, grant?: Grant): Date {
  const usual = Math.floor(nowUs / 1000 + tokenSeconds * 1000);
  const latest = [usual, parent?.expiresAt.getTime(), grant?.expiresAt?.getTime()];
  // In whole seconds, which is what the token can say of it.
  return new Date(Math.floor(Math.min(...latest.filter((time) => time !== undefined)) / 1000) * 1000);
}

/**
 * Whether the user of a token that has expired could get as much today: what ended tokens is remembered only for as long as
 * they live. Throws `Unauthorized`.
 */
export async function checkHoldsStill({ db }: Pick<TokenDeps, 'db'>, token: Token): Promise<void> {
  const { scope, delegation, federation, userId } = token;
  const access = await readAccess(db, {
    userId,
    scope,
    ...(federation && { groupIds: federation.groupIds }),
    ...(delegation?.type === 'trust' && { holderId: delegation.agentIds[0] as string }),
    ...(delegation?.type === 'application_credential' && { applicationCredentialId: delegation.id }),
  });
  const held = access?.roles.map((role) => role.name) ?? [];
  if (!access?.user.enabled || !token.roles.every((role) => held.includes(role))) throw refused('no longer theirs');
}
