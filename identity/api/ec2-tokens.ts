import { type Static, Type } from 'typebox';
import { route } from '../../common/http/route.ts';
import { definePolicy } from '../../common/policy/rules.ts';
import type { IdentityDeps } from '../deps.ts';
import { type IssuedForKeyPair, logInWithRequest, logInWithString } from '../ec2/log-in.ts';
import { refused } from '../tokens/deps.ts';
import { catalogForToken } from './auth.ts';
import { namesOf, tokenView } from './token-view.ts';

const text = Type.String({ maxLength: 65535 });
const values = Type.Optional(
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()])),
);
const Signed = Type.Object({
  access: Type.Optional(text),
  signature: Type.Optional(text),
  token: Type.Optional(text), // S3: the string to sign, in base64
  verb: Type.Optional(text),
  host: Type.Optional(text),
  path: Type.Optional(text),
  params: values,
  headers: values,
  body_hash: Type.Optional(text),
});
/** Clients write it in three ways, and keystone takes all of them. */
const Body = Type.Object({
  credentials: Type.Optional(Signed),
  credential: Type.Optional(Signed),
  ec2Credentials: Type.Optional(Signed),
});

const services = (description: string) =>
  ({ check: 'rule:service_or_admin', scopes: ['system', 'domain', 'project'], description }) as const;

export const ec2TokenPolicy = definePolicy({
  'identity:ec2tokens_validate': services('Get a token for whoever signed a request with an EC2 credential'),
  'identity:s3tokens_validate': services('Get a token for whoever signed a request to S3 with an EC2 credential'),
});

const strings = (given: Record<string, unknown> = {}, nameOf = (name: string) => name) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [nameOf(name), String(value ?? '')]));

export const ec2TokenRoutes = (deps: IdentityDeps) => {
  const view = async ({ issued: { token, access }, names }: IssuedForKeyPair) => ({
    token: tokenView(token, namesOf(access, token.delegation && (names ?? {})), await catalogForToken(deps, token)),
  });
  return [
    route({
      method: 'POST',
      path: '/v3/ec2tokens',
      rule: ec2TokenPolicy['identity:ec2tokens_validate'],
      summary: 'Get a token for a request that was signed with an EC2 credential (services only)',
      body: Body,
      status: 200,
      async handler({ body }, h) {
        const { access, signature, verb = '', host = '', path = '', ...signed } = signedOf(body);
        const request = {
          ...{ verb, host, path, bodyHash: signed.body_hash ?? '' },
          params: strings(signed.params),
          headers: strings(signed.headers, (name) => name.toLowerCase().trim()),
        };
        const made = await logInWithRequest(deps, { access, signature, request });
        return h.response(await view(made)).header('x-subject-token', made.issued.text);
      },
    }),
    route({
      method: 'POST',
      path: '/v3/s3tokens',
      rule: ec2TokenPolicy['identity:s3tokens_validate'],
      summary: 'Check a signature of a request to S3 (services only)',
      body: Body,
      status: 200,
      async handler({ body }) {
        const { access, signature, token = '' } = signedOf(body);
        const stringToSign = Buffer.from(token, 'base64').toString('utf8');
        return view(await logInWithString(deps, { access, signature, stringToSign }));
      },
    }),
  ];
};

function signedOf({ credentials, credential, ec2Credentials }: Static<typeof Body>) {
  const { access, signature, ...rest } = credentials ?? credential ?? ec2Credentials ?? {};
  if (access === undefined || signature === undefined) throw refused('no signature');
  return { access, signature, ...rest };
}
