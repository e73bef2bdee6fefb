import type { Knex } from '../common/database/database.ts';
import type { Secret } from '../common/secret.ts';
import { defaultDomainId } from './domains/store.ts';
import { insertProject, listProjects } from './projects/store.ts';
import { assignRole, imply, insertRole, listRoles, type Role } from './roles/store.ts';
import { createUser } from './users/operations.ts';
import { hashPassword } from './users/password.ts';
import { listUsers, updateUser } from './users/store.ts';

/** OpenStack's default roles, each implying the next (keystone's "consistent and secure RBAC"). */
const roleChain = ['admin', 'manager', 'member', 'reader'] as const;

/**
 * Makes the first of everything, as `keystone-manage bootstrap` does: the default domain, the roles, the project `admin`
 * and the user `admin` with that password, administrator of both the project and the system. Doing it again mends what is
 * missing and sets the password.
 */
export async function bootstrapIdentity(db: Knex, { adminPassword }: { adminPassword: Secret }): Promise<void> {
  await db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(hashtext(?))', ['identity bootstrap']);
    await trx('domains')
      .insert({ id: defaultDomainId, name: 'Default', description: 'The default domain' })
      .onConflict()
      .ignore();
    const roles: Role[] = [];
    for (const name of [...roleChain, 'service']) roles.push(await ensureRole(trx, name));
    for (let i = 1; i < roleChain.length; i += 1) await imply(trx, (roles[i - 1] as Role).id, (roles[i] as Role).id);

    const [existingProject] = await listProjects(trx, { name: 'admin', domainId: defaultDomainId });
    const project =
      existingProject ??
      (await insertProject(trx, {
        name: 'admin',
        domainId: defaultDomainId,
        parentId: null,
        description: 'The administrators’ project',
        enabled: true,
      }));
    const [existingUser] = await listUsers(trx, { name: 'admin', domainId: defaultDomainId });
    const user =
      existingUser ??
      (await createUser({ db: trx }, defaultDomainId, {
        name: 'admin',
        password: adminPassword,
        defaultProjectId: project.id,
      }));
    if (existingUser)
      await updateUser(trx, user.id, { passwordHash: await hashPassword(adminPassword), enabled: true });
    const adminRole = (roles[0] as Role).id;
    await assignRole(trx, user.id, adminRole, { projectId: project.id });
    await assignRole(trx, user.id, adminRole, 'system');
  });
}

async function ensureRole(db: Knex, name: string): Promise<Role> {
  const [existing] = await listRoles(db, { name });
  return existing ?? insertRole(db, { name, description: null });
}
