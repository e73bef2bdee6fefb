import type { Knex } from '../../../common/database/database.ts';
import { Conflict } from '../../../common/errors.ts';
import { newHexId } from '../../../common/ids.ts';
import type { MappedProject } from '../mappings/rules.ts';
import { Unmappable } from '../mappings/unmappable.ts';
import type { IdentityProvider } from '../providers/identity-provider.ts';
import { domainIdOf } from './domain.ts';

const longestName = 64;

/**
 * Gives a user the roles that the mapping has for each project, these roles on these projects and no others
 * (CVE-2017-2673). A project that is not there is made, a role never. They stay until somebody takes them, as in Keystone
 * with schema versions 1.0 and 2.0. Throws `Unmappable` before anything is given when something is wrong with one of them.
 */
export async function giveProjects(
  trx: Knex,
  userId: string,
  provider: IdentityProvider,
  projects: readonly MappedProject[],
  userDomainId: string,
): Promise<void> {
  const given: { roleIds: string[]; name: string; domainId: string }[] = [];
  for (const { name, roles, domain } of projects) {
    if (name.length > longestName) throw new Unmappable(`a project's name can have ${longestName} characters`);
    given.push({
      roleIds: await roleIds(trx, roles, userDomainId),
      name,
      domainId: await domainIdOf(trx, domain ?? { id: provider.domainId }),
    });
  }
  for (const { roleIds, name, domainId } of given) {
    const projectId = await ensureProject(trx, name, domainId);
    for (const roleId of roleIds)
      await trx('role_assignments')
        .insert({ user_id: userId, role_id: roleId, project_id: projectId })
        .onConflict()
        .ignore();
  }
}

/** The cloud's roles and those of the user's own domain. */
async function roleIds(trx: Knex, names: readonly string[], domainId: string): Promise<string[]> {
  const ids: string[] = [];
  for (const name of new Set(names)) {
    const found = await trx('roles')
      .where({ name })
      .where((of) => of.whereNull('domain_id').orWhere({ domain_id: domainId }))
      .orderByRaw('domain_id nulls first')
      .forKeyShare()
      .first('id');
    if (found === undefined) throw new Unmappable(`it gives the role ${name}, which does not exist`);
    ids.push(found.id);
  }
  return ids;
}

async function ensureProject(trx: Knex, name: string, domainId: string): Promise<string> {
  await trx('projects').insert({ id: newHexId(), domain_id: domainId, name }).onConflict().ignore();
  const project = await trx('projects').where({ domain_id: domainId, name }).forKeyShare().first('id');
  if (project === undefined) throw new Conflict(`The project ${name} was deleted meanwhile; log in again.`);
  return project.id;
}
