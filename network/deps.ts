import type { ProjectContext } from '../common/context.ts';
import type { Knex } from '../common/database/database.ts';
import { BadRequest } from '../common/errors.ts';
import type { Enforcer } from '../common/policy/enforcer.ts';

/** What operations stand on. */
export interface NetworkDeps {
  db: Knex;
  /** Asked for each attribute that has a rule of its own, once its target is known. */
  enforcer: Pick<Enforcer, 'authorize' | 'allows'>;
  /** Bytes that a tenant network carries. */
  tenantMtu: number;
}

/** The project that a new resource is for: the caller's, or another one when an administrator names it. */
export function ownerOf(ctx: ProjectContext, asked: { project_id?: string; tenant_id?: string }): string {
  const project = asked.project_id ?? asked.tenant_id ?? ctx.projectId;
  if (project !== ctx.projectId && !ctx.isAdmin)
    throw new BadRequest(
      "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin privileges",
    );
  return project;
}
