import type { Request, ResponseToolkit } from '@hapi/hapi';
import { Unauthorized } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import type { FederationDeps } from '../federation/log-in/deps.ts';
import { findDoor, logInWithAccessToken } from '../federation/log-in/log-in.ts';
import { serviceProvidersInToken } from './federation-service-providers.ts';
import { namesOf, tokenView } from './token-view.ts';

/** `Authorization: Bearer …`, as the command line's `v3oidcpassword`, `v3oidcaccesstoken` and their like send it. */
function bearer({ headers }: Request): string {
  const token = /^Bearer +(\S+)$/i.exec(String(headers.authorization ?? ''))?.[1];
  if (token === undefined) throw new Unauthorized('The request you have made requires authentication.');
  return token;
}

export const federationAuthRoutes = (deps: FederationDeps) => {
  const logIn = async (params: Record<string, string>, request: Request, h: ResponseToolkit) => {
    const door = await findDoor(deps, params.idp_id ?? '', params.protocol_id ?? '');
    const { text, token, access } = await logInWithAccessToken(deps, door, bearer(request));
    return h
      .response({
        token: { ...tokenView(token, namesOf(access, null), undefined), ...(await serviceProvidersInToken(deps)) },
      })
      .code(201)
      .header('x-subject-token', text)
      .header('vary', 'X-Auth-Token');
  };
  return (['GET', 'POST'] as const).map((method) =>
    route({
      method,
      path: '/v3/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/auth',
      rule: { anonymous: 'this is how one gets a token' },
      summary: 'Authenticate with an access token of an identity provider',
      status: 201,
      handler: ({ params, request }, h) => logIn(params, request, h),
    }),
  );
};
