import type { Keycloak } from './keycloak.ts';

export const dashboardClient = { id: 'cirrostack', secret: 'the secret of the dashboard' };
/** Whose access tokens the operator of the cloud takes. */
export const commandLineClient = 'command-line';
/** Takes its tokens for itself. */
export const foreignClient = 'payroll';
export const person = { name: 'ada', password: 'correct horse battery', email: 'ada@example.test' };

/**
 * A realm with a person in two groups, and the clients of a cloud's dashboard, of its users' command lines (whose tokens
 * live as long as `seconds`), and of something else.
 */
export async function makeRealm(
  { admin }: Keycloak,
  name: string,
  { callback = 'http://nowhere.invalid/*' }: { callback?: string } = {},
): Promise<void> {
  const groups = {
    name: 'groups',
    protocol: 'openid-connect',
    protocolMapper: 'oidc-group-membership-mapper',
    config: { 'claim.name': 'groups', 'full.path': 'false', 'access.token.claim': 'true', 'id.token.claim': 'true' },
  };
  const program = (clientId: string, more: object = {}) => ({
    clientId,
    publicClient: true,
    directAccessGrantsEnabled: true,
    standardFlowEnabled: false,
    protocolMappers: [groups],
    ...more,
  });
  await admin('POST', '/realms', {
    realm: name,
    enabled: true,
    groups: [{ name: 'staff' }, { name: 'operators' }],
    users: [
      {
        username: person.name,
        email: person.email,
        emailVerified: true,
        firstName: 'Ada',
        lastName: 'Lovelace',
        enabled: true,
        groups: ['/staff', '/operators'],
        credentials: [{ type: 'password', value: person.password, temporary: false }],
      },
    ],
    clients: [
      program(dashboardClient.id, {
        publicClient: false,
        secret: dashboardClient.secret,
        standardFlowEnabled: true,
        redirectUris: [callback],
        attributes: { 'pkce.code.challenge.method': 'S256' },
      }),
      program(commandLineClient),
      program('short-lived', { attributes: { 'access.token.lifespan': '1' } }),
      program(foreignClient),
    ],
  });
}
