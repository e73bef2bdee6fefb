import type { Making } from '../things.ts';
import { makeGrants } from './grants.ts';
import { makeIdentityResources } from './identity-resources.ts';

const v3 = '/identity/v3';

export async function makeIdentityThings(making: Making, password: string) {
  const { admin, owner, mark } = making;
  const project = async (name: string) => (await admin.post(`${v3}/projects`, { project: { name } })).project.id;
  const user = async (name: string) => (await admin.post(`${v3}/users`, { user: { name, password } })).user.id;
  const role = async (name: string) => (await admin.post(`${v3}/roles`, { role: { name } })).role.id;
  const partner: string = await project(`partner-${mark}`);
  const grantee: string = await user(`grantee-${mark}`);
  return {
    ...(await makeIdentityResources(admin, mark, grantee as string)),
    project: owner.projectId,
    user: owner.userId,
    partner,
    grantee,
    ...(await makeGrants(making, partner, grantee)),
    spareProject: (await project(`spare-${mark}`)) as string,
    spareUser: (await user(`spare-${mark}`)) as string,
    spareRole: (await role(`spare-${mark}`)) as string,
    password,
    token: await exchanged(owner),
  };
}

/** A token of its own, which can be ended without ending the client's. */
async function exchanged(owner: Making['owner']): Promise<string> {
  const id = await owner.token();
  const auth = { identity: { methods: ['token'], token: { id } }, scope: { project: { id: owner.projectId } } };
  const answer = await owner.request({ method: 'POST', path: `${v3}/auth/tokens`, body: { auth } });
  return String(answer.headers['x-subject-token']);
}
