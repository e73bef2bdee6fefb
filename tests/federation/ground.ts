import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Answer, startTestCloud, type TestCloud } from '../cloud.ts';
import { clientId, startTestIssuer, type TestIssuer } from './issuer.ts';

/** Rules for whoever has a name: who they are, and the groups of here that are called as theirs. */
export const usualRules = [
  {
    local: [{ user: { id: '{0}', name: '{1}' } }],
    remote: [{ type: 'OIDC-sub' }, { type: 'OIDC-preferred_username' }],
  },
  { local: [{ groups: '{0}', domain: { id: 'default' } }], remote: [{ type: 'OIDC-groups' }] },
];

export interface FederationGround {
  cloud: TestCloud;
  issuer: TestIssuer;
  /** Sends an access token to the protocol `openid` of the identity provider `staff`. */
  logIn(accessToken: string): Promise<Answer>;
  /** A token for a scope, bought with an unscoped one. */
  scope(token: string, scope: object): Promise<Answer>;
  /** A group of the default domain with a role on a project of its own; gives the ids. */
  groupWithRole(name: string, role: string): Promise<{ groupId: string; projectId: string }>;
}

/** A cloud that listens to a test issuer, with an identity provider, a mapping and a protocol. */
export async function startFederation(
  t: ExecutionContext,
  {
    rules = usualRules,
    provider = {},
    file = {},
    title,
    config = {},
  }: {
    rules?: unknown[];
    provider?: object;
    file?: object;
    title?: string;
    config?: Record<string, string | number | boolean>;
  } = {},
): Promise<FederationGround> {
  const issuer = await startTestIssuer(t);
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-federation-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const federationFile = join(directory, 'federation.json');
  await writeFile(
    federationFile,
    JSON.stringify({ issuers: [{ issuer: issuer.issuer, clientId, ...(title && { title }) }], ...file }),
  );
  const cloud = await startTestCloud(t, { ...config, federationFile });
  const admin = cloud.as('admin');
  const base = '/identity/v3/OS-FEDERATION';
  await admin.put(
    `${base}/identity_providers/staff`,
    { identity_provider: { enabled: true, remote_ids: [issuer.issuer], ...provider } },
    201,
  );
  await admin.put(`${base}/mappings/usual`, { mapping: { rules } }, 201);
  await admin.put(`${base}/identity_providers/staff/protocols/openid`, { protocol: { mapping_id: 'usual' } }, 201);
  return {
    cloud,
    issuer,
    logIn: (accessToken) =>
      cloud.anonymous.request({
        method: 'POST',
        path: `${base}/identity_providers/staff/protocols/openid/auth`,
        headers: { authorization: `Bearer ${accessToken}` },
      }),
    scope: (token, scope) =>
      cloud.anonymous.request({
        method: 'POST',
        path: '/identity/v3/auth/tokens',
        body: { auth: { identity: { methods: ['token'], token: { id: token } }, scope } },
      }),
    async groupWithRole(name, role) {
      const { db } = cloud;
      const { roles } = await admin.get(`/identity/v3/roles?name=${role}`);
      const { project } = await admin.post('/identity/v3/projects', { project: { name: `project of ${name}` } }, 201);
      const groupId = `group-${name}`;
      await db('groups').insert({ id: groupId, domain_id: 'default', name });
      await db('role_assignments').insert({ group_id: groupId, role_id: roles[0].id, project_id: project.id });
      return { groupId, projectId: project.id };
    },
  };
}
