import { type Static, Type } from 'typebox';
import { BadRequest, Unauthorized } from '../../common/errors.ts';
import type { SignedRequest } from '../oauth1/signature.ts';
import type { AskedScope } from '../tokens/access.ts';
import { longestToken } from '../tokens/length.ts';
import type { UserReference } from '../tokens/methods/password.ts';

const id = Type.String({ minLength: 1, maxLength: 64 });
const name = Type.String({ minLength: 1, maxLength: 255 });
const named = Type.Object({ id: Type.Optional(id), name: Type.Optional(name) });
const inDomain = { id: Type.Optional(id), name: Type.Optional(name), domain: Type.Optional(named) };

/** `POST /v3/auth/tokens`, after keystone's schema; what a method does not know is ignored. */
export const Authenticate = Type.Object({
  auth: Type.Object({
    identity: Type.Object({
      methods: Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 8 }),
      password: Type.Optional(
        Type.Object({ user: Type.Object({ ...inDomain, password: Type.String({ maxLength: 4096 }) }) }),
      ),
      totp: Type.Optional(
        Type.Object({ user: Type.Object({ ...inDomain, passcode: Type.String({ maxLength: 64 }) }) }),
      ),
      token: Type.Optional(Type.Object({ id: Type.String({ maxLength: longestToken }) })),
      application_credential: Type.Optional(
        Type.Object({
          id: Type.Optional(id),
          name: Type.Optional(name),
          user: Type.Optional(Type.Object(inDomain)),
          secret: Type.String({ maxLength: 4096 }),
        }),
      ),
      oauth1: Type.Optional(Type.Object({})), // all of it is in the Authorization header
    }),
    scope: Type.Optional(
      Type.Union([
        Type.Literal('unscoped'),
        Type.Object({ project: Type.Object(inDomain) }),
        Type.Object({ domain: named }),
        Type.Object({ system: Type.Object({ all: Type.Literal(true) }) }),
        Type.Object({ 'OS-TRUST:trust': Type.Object({ id }) }),
        Type.Object({ unscoped: Type.Object({}) }),
      ]),
    ),
  }),
});

type Auth = Static<typeof Authenticate>['auth'];

/** What somebody gives to prove who they are, by method, and what for. */
export interface Asked {
  password?: { user: UserReference; password: string };
  totp?: { user: UserReference; passcode: string };
  token?: string;
  applicationCredential?: { id?: string; name?: string; user?: UserReference; secret: string };
  scope: AskedScope;
  isOauth1: boolean;
  /** What the method oauth1 is about. */
  signed?: SignedRequest | undefined;
  /** Undefined when no scope was named at all, which is all that an application credential may do. */
  isScopeNamed: boolean;
  trustId?: string;
}

const supported = ['password', 'token', 'totp', 'application_credential', 'oauth1'] as const;
type Supported = (typeof supported)[number];

/** JSON to what is asked. Throws `BadRequest` for a method named but not given, `Unauthorized` for one we do not know. */
export function unpackAuthentication({ identity, scope }: Auth): Asked {
  for (const method of identity.methods) {
    if (!(supported as readonly string[]).includes(method))
      throw new Unauthorized(`Attempted to authenticate with an unsupported method: ${method}.`);
    if (identity[method as Supported] === undefined) throw new BadRequest(`Expecting to find ${method} in identity.`);
  }
  const asked = <M extends Supported>(method: M) =>
    identity.methods.includes(method) ? (identity[method] as Auth['identity'][M]) : undefined;
  const [password, totp] = [asked('password'), asked('totp')];
  const [token, credential] = [asked('token'), asked('application_credential')];
  return {
    ...(password && { password: { user: checkedUser(password.user), password: password.user.password } }),
    ...(totp && { totp: { user: checkedUser(totp.user), passcode: totp.user.passcode } }),
    ...(token && { token: token.id }),
    ...(credential && { applicationCredential: checkedCredential(credential) }),
    isOauth1: asked('oauth1') !== undefined,
    scope: scopeOf(scope),
    isScopeNamed: scope !== undefined,
    ...(scope !== undefined &&
      scope !== 'unscoped' &&
      'OS-TRUST:trust' in scope && { trustId: scope['OS-TRUST:trust'].id }),
  };
}

function checkedUser<U extends UserReference>(user: U): U {
  if (user.id === undefined && user.name === undefined) throw new BadRequest('Expecting to find id or name in user.');
  if (user.id === undefined && user.domain?.id === undefined && user.domain?.name === undefined)
    throw new BadRequest('Expecting to find domain in user.');
  return user;
}

function checkedCredential(credential: NonNullable<Auth['identity']['application_credential']>) {
  const { id, name, user } = credential;
  if (id === undefined && (name === undefined || user === undefined))
    throw new BadRequest('Expecting to find id, or name and user, in application_credential.');
  if (id === undefined && user) checkedUser(user);
  return credential;
}

function scopeOf(scope: Auth['scope']): AskedScope {
  if (scope === undefined) return { type: 'default' };
  if (scope === 'unscoped' || 'unscoped' in scope || 'OS-TRUST:trust' in scope) return { type: 'unscoped' };
  if ('system' in scope) return { type: 'system' };
  if ('domain' in scope) {
    if (scope.domain.id === undefined && scope.domain.name === undefined)
      throw new BadRequest('Expecting to find id or name in domain.');
    return { type: 'domain', ...scope.domain };
  }
  const { project } = scope;
  if (project.id === undefined && project.name === undefined)
    throw new BadRequest('Expecting to find id or name in project.');
  if (project.id === undefined && project.domain === undefined)
    throw new BadRequest('Expecting to find domain in project.');
  return { type: 'project', ...project };
}
