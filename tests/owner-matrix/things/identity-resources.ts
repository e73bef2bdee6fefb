import type { Making } from '../things.ts';

const v3 = '/identity/v3';

/** A domain with a configuration of its own and one that is to be deleted, groups with a member, a project with tags. */
export async function makeIdentityResources(admin: Making['admin'], mark: string, memberId: string) {
  const { domain: ownDomain } = await admin.post(`${v3}/domains`, { domain: { name: `domain-${mark}` } });
  const config = { identity: { driver: 'sql', list_limit: 4 }, ldap: { url: 'ldap://directory', password: 'secret' } };
  await admin.put(`${v3}/domains/${ownDomain.id}/config`, { config }, 201);
  const disabled = { name: `spare-domain-${mark}`, enabled: false };
  const { domain: spareDomain } = await admin.post(`${v3}/domains`, { domain: disabled });
  const group = async (name: string): Promise<string> => {
    const { id } = (await admin.post(`${v3}/groups`, { group: { name } })).group;
    await admin.put(`${v3}/groups/${id}/users/${memberId}`, undefined, 204);
    return id;
  };
  const tagged = { name: `tagged-${mark}`, tags: ['red'] };
  const { project: taggedProject } = await admin.post(`${v3}/projects`, { project: tagged });
  return {
    ownDomain: ownDomain.id as string,
    spareDomain: spareDomain.id as string,
    group: await group(`group-${mark}`),
    spareGroup: await group(`spare-group-${mark}`),
    taggedProject: taggedProject.id as string,
  };
}
