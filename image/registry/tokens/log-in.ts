/** Who somebody is by the user name and password that `docker login` was told, and what rights they have on a project. */
import { NotFound, Unauthorized } from '../../../common/errors.ts';
import type { KnownSecrets } from '../../../identity/application-credentials/secret.ts';
import { checkToken } from '../../../identity/tokens/check.ts';
import type { TokenDeps } from '../../../identity/tokens/deps.ts';
import { proveApplicationCredential } from '../../../identity/tokens/methods/application-credential.ts';
import { provePassword } from '../../../identity/tokens/methods/password.ts';
import { issueToken } from '../../../identity/tokens/operations.ts';
import type { Token } from '../../../identity/tokens/token.ts';

export interface Credentials {
  user: string;
  password: string;
}

export interface Login {
  /** Their rights there, as an identity token would say it; undefined when they have none. */
  rightsOn(projectId: string): Promise<Token | undefined>;
  /** Where no project is named: those of the credential, or on the user's default project. */
  usualRights: Token;
}

/** The user name of those whose password is a token of identity's. */
const tokenUser = 'token';
const applicationCredentialId = /^[0-9a-f]{32}$/;

/** Of the `Authorization` header of HTTP's basic scheme (RFC 7617); undefined when it is none. */
export function readBasic(header: string | undefined): Credentials | undefined {
  const [, encoded] = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * `token` with an identity token, the id of an application credential with its secret, `DOMAIN/USER` or the name of a user of
 * the default domain with their password. Throws `Unauthorized`, which says no more, or `TooManyRequests`.
 */
export async function logIn(
  deps: TokenDeps,
  secrets: KnownSecrets,
  { user, password }: Credentials,
  address: string,
): Promise<Login> {
  if (user === tokenUser) return withOneToken(await checkToken(deps, password));
  if (applicationCredentialId.test(user)) {
    const asked = { id: user, secret: password };
    const { proof } = await proveApplicationCredential(deps, secrets, asked, address);
    return withOneToken((await issueToken(deps, { proofs: [proof], scope: { type: 'default' } })).token);
  }
  const proof = await provePassword(deps, { user: userOf(user), password }, address);
  const usual = await issueToken(deps, { proofs: [proof], scope: { type: 'default' } });
  return {
    usualRights: usual.token,
    rightsOn: (id) =>
      issueToken(deps, { proofs: [proof], scope: { type: 'project', id } }).then(
        ({ token }) => token,
        // They are who they say, and have nothing to do with that project.
        (error) => {
          if (error instanceof Unauthorized || error instanceof NotFound) return undefined;
          throw error;
        },
      ),
  };
}

/** What was handed on is for one scope, and is not exchanged for another. */
const withOneToken = (token: Token): Login => ({ usualRights: token, rightsOn: async () => token });

function userOf(text: string) {
  const slash = text.indexOf('/');
  if (slash < 0) return { name: text, domain: { id: 'default' } };
  return { name: text.slice(slash + 1), domain: { name: text.slice(0, slash) } };
}
