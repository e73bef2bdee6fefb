import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Static, Type } from 'typebox';
import { BadRequest } from '../../../common/errors.ts';
import { validator } from '../../../common/http/validate.ts';
import { Secret } from '../../../common/secret.ts';

const closed = { additionalProperties: false } as const;

const IssuerSchema = Type.Object(
  {
    /** As in the `iss` of its tokens; Keycloak's are `https://HOST[/PATH]/realms/REALM`. */
    issuer: Type.String({ minLength: 1, maxLength: 255 }),
    /** What this cloud is called there. */
    clientId: Type.String({ minLength: 1, maxLength: 255 }),
    /** For single sign-on; absent for a public client. */
    clientSecret: Type.Optional(Type.String({ minLength: 1 })),
    /** Further clients (`azp`) whose access tokens are taken, as that of command lines. */
    clients: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 100 })),
    /** On the button of the log-in page; without it there is none. */
    title: Type.Optional(Type.String({ minLength: 1, maxLength: 80 })),
  },
  closed,
);

const FederationSchema = Type.Object(
  {
    issuers: Type.Array(IssuerSchema, { maxItems: 100 }),
    /** Addresses to which single sign-on may hand a token, each whole; this cloud's own dashboard is one without being named. */
    trustedDashboards: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 100 })),
  },
  closed,
);

export interface Issuer {
  issuer: string;
  clientId: string;
  clientSecret: Secret | null;
  clients: string[];
  title: string | null;
}

/** What the operator decided about logins elsewhere. */
export interface FederationSettings {
  issuers: Issuer[];
  trustedDashboards: string[];
}

const check = validator(FederationSchema, 'body');

/**
 * Reads the operator's file: the one that `federationFile` names or, when that is empty, federation.json in the data
 * directory, if there is one. Throws `BadRequest` that says what of it is wrong.
 */
export async function readFederationFile({
  federationFile,
  dataDir,
}: {
  federationFile: string;
  dataDir: string;
}): Promise<FederationSettings> {
  const path = federationFile || join(dataDir, 'federation.json');
  try {
    return federationSettings(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    if (federationFile === '' && (cause as { code?: string }).code === 'ENOENT')
      return { issuers: [], trustedDashboards: [] };
    throw new BadRequest(`The file of federation, ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Throws `BadRequest`. */
export function federationSettings(content: unknown): FederationSettings {
  const { issuers, trustedDashboards = [] } = check(content) as Static<typeof FederationSchema>;
  for (const address of trustedDashboards) checkAddress(address);
  for (const { issuer } of issuers) checkIssuer(issuer);
  const names = issuers.map(({ issuer }) => issuer);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new BadRequest(`${twice} is there twice.`);
  return {
    issuers: issuers.map(({ issuer, clientId, clientSecret, clients = [], title }) => ({
      issuer,
      clientId,
      clientSecret: clientSecret === undefined ? null : new Secret(clientSecret),
      clients,
      title: title ?? null,
    })),
    trustedDashboards,
  };
}

function checkAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (
    url &&
    ['http:', 'https:'].includes(url.protocol) &&
    url.username === '' &&
    url.password === '' &&
    url.hash === ''
  )
    return url;
  throw new BadRequest(`${address} is not an address of http or https.`);
}

function checkIssuer(issuer: string): void {
  const url = checkAddress(issuer);
  if (url.search === '' && !issuer.includes('$') && /^(.*[^/])\/realms\/[^/]+$/.test(issuer)) return;
  throw new BadRequest(`${issuer} is no issuer of Keycloak: those end in /realms/REALM.`);
}
