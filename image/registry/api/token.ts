import { Unauthorized } from '../../../common/errors.ts';
import { many } from '../../../common/http/page.ts';
import { route } from '../../../common/http/route.ts';
import { rememberSecrets } from '../../../identity/application-credentials/secret.ts';
import { MoreMethodsNeeded } from '../../../identity/tokens/operations.ts';
import type { RegistryDeps } from '../deps.ts';
import { errorBody } from '../errors.ts';
import { logIn, readBasic } from '../tokens/log-in.ts';
import { signRegistryToken } from '../tokens/registry-token.ts';
import { grantsOf, readScopes } from '../tokens/scopes.ts';

/** Docker's token service: https://distribution.github.io/distribution/spec/auth/token/ */
export const tokenRoutes = (deps: RegistryDeps) => {
  const secrets = rememberSecrets();
  return [
    route({
      method: 'GET',
      path: '/token',
      rule: { anonymous: 'this is how registry clients log in' },
      summary: 'Get a token of the registry, for a user name and password (Basic)',
      status: 200,
      async handler({ request, query }, h) {
        const refusal = (message: string) =>
          h
            .response(errorBody('UNAUTHORIZED', message))
            .code(401)
            .header('www-authenticate', 'Basic realm="Cirrostack"');
        const given = readBasic(String(request.headers.authorization ?? ''));
        if (given === undefined) return refusal('Log in: docker login, with a user or an application credential.');
        try {
          const login = await logIn(deps.tokens, secrets, given, deps.sourceOf(request));
          const grants = await grantsOf(deps, login, readScopes(many(query.scope)));
          const now = new Date();
          const { text, expiresAt } = await signRegistryToken(grants, now, deps.tokens.keys.signing());
          return h
            .response({
              token: text,
              access_token: text,
              expires_in: Math.max(1, Math.floor((expiresAt.getTime() - now.getTime()) / 1000)),
              issued_at: now.toISOString(),
            })
            .header('cache-control', 'no-store');
        } catch (error) {
          if (error instanceof MoreMethodsNeeded)
            return refusal('This account needs more than its password: log in with an application credential.');
          if (error instanceof Unauthorized) return refusal('The user name or the password is not right.');
          throw error;
        }
      },
    }),
  ];
};
