import type { Knex } from '../common/database/database.ts';
import type { Secret } from '../common/secret.ts';
import { assignRole } from './assignments/store.ts';
import { defaultDomainId } from './domains/store.ts';
import { insertProject, listProjects } from './projects/store.ts';
import { insertImplication } from './roles/implications.ts';
import type { Role } from './roles/role.ts';
import { insertRole, listRoles } from './roles/store.ts';
import { createUser } from './users/operations.ts';
import { hashPassword, verifyPassword } from './users/password.ts';
import { resetPassword } from './users/password-change.ts';
import { listUsers, updateUser } from './users/store.ts';

/** OpenStack's default roles, each implying the next (keystone's "consistent and secure RBAC"). */
const roleChain = ['admin', 'manager', 'member', 'reader'] as const;

/** What became of the user `admin`. */
export type Bootstrapped = 'made' | 'unchanged' | 'reset';

/**
 * Makes the first of everything, as `keystone-manage bootstrap` does: the default domain, the roles, the project `admin`
 * and the user `admin` with that password, administrator of both the project and the system. Doing it again mends what is
 * missing and sets the password, unless it is that already. `tokenSeconds` is the longest that a token may live.
 */
export async function bootstrapIdentity(
  db: Knex,
  { adminPassword, tokenSeconds = 86_400 }: { adminPassword: Secret; tokenSeconds?: number },
): Promise<Bootstrapped> {
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(hashtext(?))', ['identity bootstrap']);
    await trx('domains')
      .insert({ id: defaultDomainId, name: 'Default', description: 'The default domain' })
      .onConflict()
      .ignore();
    const roles: Role[] = [];
    for (const name of [...roleChain, 'service']) roles.push(await ensureRole(trx, name));
    for (let i = 1; i < roleChain.length; i += 1)
      await insertImplication(trx, (roles[i - 1] as Role).id, (roles[i] as Role).id);

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
    const adminRole = (roles[0] as Role).id;
    await assignRole(trx, user.id, adminRole, { projectId: project.id });
    await assignRole(trx, user.id, adminRole, 'system');
    if (!existingUser) return 'made';
    const { password_hash: hash, options } = await trx('users').where({ id: user.id }).forUpdate().first();
    const isCurrent = hash !== null && (await verifyPassword(adminPassword, hash));
    if (isCurrent && existingUser.enabled) return 'unchanged';
    await updateUser(trx, user.id, { enabled: true });
    const changed = { hash: isCurrent ? hash : await hashPassword(adminPassword), tokenSeconds };
    await resetPassword(trx, { id: user.id, options }, changed);
    return 'reset';
  });
}

async function ensureRole(db: Knex, name: string): Promise<Role> {
  const [existing] = await listRoles(db, { name });
  return existing ?? insertRole(db, { name, options: { immutable: true } });
}
