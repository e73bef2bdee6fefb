import type { Calls, MakeCall } from '../call.ts';

const signed = { notCalled: 'a consumer’s signature decides, and no token changes what it opens' };
const consumers = '/v3/OS-OAUTH1/consumers';
const spare: MakeCall = (it) => ({ params: { consumer_id: it.spareConsumer } });
const list = '/v3/users/{user_id}/OS-OAUTH1/access_tokens';
const one: MakeCall = (it) => ({ params: { user_id: it.user, access_token_id: it.accessToken } });

export const identityOauth1Calls: Calls = {
  [`GET ${consumers}`]: () => ({}),
  [`POST ${consumers}`]: () => ({ body: { consumer: { description: 'new' } } }),
  [`GET ${consumers}/{consumer_id}`]: (it) => ({ params: { consumer_id: it.consumer } }),
  [`PATCH ${consumers}/{consumer_id}`]: (it) => ({ ...spare(it), body: { consumer: { description: 'changed' } } }),
  [`DELETE ${consumers}/{consumer_id}`]: spare,
  'POST /v3/OS-OAUTH1/request_token': signed,
  'POST /v3/OS-OAUTH1/access_token': signed,
  'PUT /v3/OS-OAUTH1/authorize/{request_token_id}': (it) => ({
    params: { request_token_id: it.requestToken },
    body: { roles: [{ name: 'reader' }] },
  }),
  [`GET ${list}`]: (it) => ({ params: { user_id: it.user } }),
  [`GET ${list}/{access_token_id}`]: one,
  [`DELETE ${list}/{access_token_id}`]: (it) => ({
    params: { user_id: it.user, access_token_id: it.spareAccessToken },
  }),
  [`GET ${list}/{access_token_id}/roles`]: one,
  [`GET ${list}/{access_token_id}/roles/{role_id}`]: (it) => ({
    params: { user_id: it.user, access_token_id: it.accessToken, role_id: it.commonRole },
  }),
};
