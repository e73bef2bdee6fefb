/**
 * Rights that outlive the request they were shown with, as those of an open console do: what would end the token ends them.
 * Kept in a row as `ended_by` and `epoch`, so that any process can look.
 */
import type { Context } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import type { Subject } from './revocations.ts';

export interface Standing {
  endedBy: Subject[];
  /** How far revocations were counted: later ones end it. */
  epoch: string;
}

/** Of whoever asks now. */
export async function standingOf(db: Knex, ctx: Context): Promise<Standing> {
  const { userId, userDomainId, projectId, domainId, system, delegation } = ctx;
  const endedBy: Subject[] = [`user:${userId}`, `domain:${userDomainId}`];
  for (const id of ctx.token.auditIds) endedBy.push(`audit:${id}`);
  if (projectId !== null) endedBy.push(`project:${projectId}`, `grant:${userId}:${projectId}`);
  if (domainId !== null) endedBy.push(`domain:${domainId}`, `grant:${userId}:${domainId}`);
  if (system) endedBy.push(`grant:${userId}:system`);
  if (delegation?.type === 'application_credential') endedBy.push(`application_credential:${delegation.id}`);
  if (delegation?.type === 'oauth1') endedBy.push(`access_token:${delegation.id}`);
  if (delegation?.type === 'trust') {
    endedBy.push(`trust:${delegation.id}`, ...delegation.agentIds.map((id): Subject => `user:${id}`));
    if (projectId !== null) endedBy.push(`grant:${delegation.agentIds[0]}:${projectId}`);
  }
  const { epoch } = await db('token_epoch').first('epoch');
  return { endedBy, epoch: String(epoch) };
}

/** True for rows of `table` whose rights stand. */
export function standsSql(table: string): string {
  return `not exists (select from token_revocations as r where r.epoch > ${table}.epoch and r.subject = any(${table}.ended_by))`;
}
