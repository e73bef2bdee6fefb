import { openDatabase } from '../common/database/database.ts';
import { Secret } from '../common/secret.ts';
import { assignRole } from '../identity/assignments/store.ts';
import { bootstrapIdentity } from '../identity/bootstrap.ts';
import { insertProject, listProjects } from '../identity/projects/store.ts';
import { listRoles } from '../identity/roles/store.ts';
import { createUser } from '../identity/users/operations.ts';

export interface PersonaSpec {
  role: 'admin' | 'member' | 'reader' | null;
  /** Null: only an unscoped token can be had. */
  project: string | null;
  password: string;
}

/** Everybody who tries: the owner (`member`), others in the same project, somebody without any role, and a member elsewhere. */
export const personas = {
  admin: { role: 'admin', project: 'admin', password: 'admin-password' },
  member: { role: 'member', project: 'p1', password: 'member-password' },
  reader: { role: 'reader', project: 'p1', password: 'reader-password' },
  nobody: { role: null, project: null, password: 'nobody-password' },
  stranger: { role: 'member', project: 'p2', password: 'stranger-password' },
} as const satisfies Record<string, PersonaSpec>;

export type Persona = keyof typeof personas;

/** Fills a fresh database with the personas and their projects. */
export async function fillIdentity(url: string): Promise<void> {
  const db = openDatabase(url, { max: 2 });
  try {
    await bootstrapIdentity(db, { adminPassword: new Secret(personas.admin.password) });
    for (const name of ['p1', 'p2'])
      await insertProject(db, { name, domainId: 'default', parentId: null, description: '', enabled: true });
    const roles = new Map((await listRoles(db, {})).map((role) => [role.name, role.id]));
    for (const [name, { role, project, password }] of Object.entries(personas)) {
      if (name === 'admin') continue;
      const [found] = project === null ? [] : await listProjects(db, { name: project });
      const user = await createUser({ db }, 'default', {
        name,
        password: new Secret(password),
        defaultProjectId: found?.id ?? null,
      });
      if (role !== null && found) await assignRole(db, user.id, roles.get(role) as string, { projectId: found.id });
    }
  } finally {
    await db.destroy();
  }
}
