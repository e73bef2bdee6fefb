import type { Making } from '../things.ts';

const v3 = '/identity/v3';

/** Places where roles are given, as paths; `inherited` ones are for what is below. */
const places = (projectId: string) => [
  { place: `projects/${projectId}`, suffix: '' },
  { place: 'domains/default', suffix: '' },
  { place: 'system', suffix: '' },
  { place: `OS-INHERIT/projects/${projectId}`, suffix: '/inherited_to_projects' },
  { place: 'OS-INHERIT/domains/default', suffix: '/inherited_to_projects' },
];

/** Roles of a user and a group of the project's, on another project of theirs, the domain and the system. */
export async function makeGrants({ cloud, admin, mark }: Making, partner: string, grantee: string) {
  const role = async (name: string): Promise<string> => (await admin.post(`${v3}/roles`, { role: { name } })).role.id;
  const grantedRole = await role(`granted-${mark}`);
  const impliedRole = await role(`implied-${mark}`);
  await admin.put(`${v3}/roles/${grantedRole}/implies/${impliedRole}`, undefined, 201);
  const granteeGroup = `grantee-group-${mark}`;
  await cloud.db('groups').insert({ id: granteeGroup, name: granteeGroup, domain_id: 'default' });
  for (const { place, suffix } of places(partner))
    for (const actor of [`users/${grantee}`, `groups/${granteeGroup}`])
      await admin.put(`${v3}/${place}/${actor}/roles/${grantedRole}${suffix}`, undefined, 204);
  return { grantedRole, impliedRole, granteeGroup };
}
