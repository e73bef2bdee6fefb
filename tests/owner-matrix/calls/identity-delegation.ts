import { randomUUID } from 'node:crypto';
import type { Calls, MakeCall } from '../call.ts';
import type { Thing } from '../things.ts';

const mine: MakeCall = (it) => ({ params: { user_id: it.user } });
const credentials = '/v3/users/{user_id}/application_credentials';
const rules = '/v3/users/{user_id}/access_rules';
const keys = '/v3/users/{user_id}/credentials/OS-EC2';
const trusts = '/v3/OS-TRUST/trusts';

const of =
  (param: string, thing: Thing): MakeCall =>
  (it) => ({ params: { user_id: it.user, [param]: it[thing] } });
const kept =
  (thing: 'credential' | 'spareCredential'): MakeCall =>
  (it) => ({ params: { credential_id: it[thing] } });
const trusted =
  (thing: 'trust' | 'spareTrust'): MakeCall =>
  (it) => ({ params: { trust_id: it[thing], role_id: it.commonRole } });

export const identityDelegationCalls: Calls = {
  [`GET ${credentials}`]: mine,
  [`POST ${credentials}`]: (it) => ({
    params: { user_id: it.user },
    body: { application_credential: { name: randomUUID() } },
  }),
  [`GET ${credentials}/{application_credential_id}`]: of('application_credential_id', 'applicationCredential'),
  [`DELETE ${credentials}/{application_credential_id}`]: of('application_credential_id', 'spareApplicationCredential'),

  [`GET ${rules}`]: mine,
  [`GET ${rules}/{access_rule_id}`]: of('access_rule_id', 'accessRule'),
  [`DELETE ${rules}/{access_rule_id}`]: of('access_rule_id', 'spareAccessRule'),

  'GET /v3/credentials': [() => ({}), (it) => ({ query: { user_id: it.user } })],
  'POST /v3/credentials': (it) => ({
    body: { credential: { user_id: it.user, project_id: it.project, type: 'cert', blob: 'new' } },
  }),
  'GET /v3/credentials/{credential_id}': kept('credential'),
  'PATCH /v3/credentials/{credential_id}': (it) => ({
    params: { credential_id: it.credential },
    body: { credential: { blob: 'changed', user_id: it.user, project_id: it.project } },
  }),
  'DELETE /v3/credentials/{credential_id}': kept('spareCredential'),

  [`GET ${keys}`]: mine,
  [`POST ${keys}`]: (it) => ({ params: { user_id: it.user }, body: { tenant_id: it.project } }),
  [`GET ${keys}/{credential_id}`]: of('credential_id', 'accessKey'),
  [`DELETE ${keys}/{credential_id}`]: of('credential_id', 'spareAccessKey'),
  'POST /v3/ec2tokens': (it) => {
    const [Timestamp, signature] = it.signature.split(' ');
    const params = { SignatureVersion: '0', Timestamp };
    return { body: { credentials: { access: it.accessKey, signature, params } } };
  },
  'POST /v3/s3tokens': (it) => {
    const [signed = '', signature] = it.signature.split(' ');
    return { body: { credentials: { access: it.accessKey, signature, token: btoa(signed) } } };
  },

  [`GET ${trusts}`]: (it) => ({ query: { trustor_user_id: it.user } }),
  [`POST ${trusts}`]: (it) => ({
    body: {
      trust: {
        ...{ trustor_user_id: it.user, trustee_user_id: it.commonTrustee, project_id: it.project },
        ...{ impersonation: false, roles: [{ id: it.commonRole }] },
      },
    },
  }),
  [`GET ${trusts}/{trust_id}`]: trusted('trust'),
  [`DELETE ${trusts}/{trust_id}`]: trusted('spareTrust'),
  [`GET ${trusts}/{trust_id}/roles`]: trusted('trust'),
  [`GET ${trusts}/{trust_id}/roles/{role_id}`]: trusted('trust'),
};
