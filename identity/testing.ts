/** For tests of what logs in: the bodies of Keystone, and what came of them. */
import type { Answer, Client, TestCloud } from '../tests/cloud.ts';
import { type Persona, personas } from '../tests/personas.ts';

export const v3 = '/identity/v3';

export interface Login {
  token: string;
  /** The body's `token`. */
  said: Answer['body'];
}

export async function attempt({ anonymous }: TestCloud, identity: object, scope?: unknown): Promise<Answer> {
  const auth = { identity, ...(scope !== undefined && { scope }) };
  return anonymous.request({ method: 'POST', path: `${v3}/auth/tokens`, body: { auth } });
}

export function loginOf({ status, headers, body, text }: Answer): Login {
  if (status !== 201 && status !== 200) throw new Error(`cannot log in: ${text}`);
  return { token: String(headers['x-subject-token']), said: body.token };
}

export const byCredential = (application_credential: object) => ({
  methods: ['application_credential'],
  application_credential,
});

export const byPassword = (cloud: TestCloud, persona: Persona) => ({
  methods: ['password'],
  password: { user: { id: cloud.as(persona).userId, password: personas[persona].password } },
});

export const rolesOf = ({ said }: Login): string[] => said.roles.map((role: { name: string }) => role.name).toSorted();

/** Asks with that token. */
export async function ask(
  { anonymous }: TestCloud,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  return anonymous.request({ method, path, body, headers: { 'x-auth-token': token } });
}

export async function roleId(admin: Client, name: string): Promise<string> {
  return (await admin.get(`${v3}/roles?name=${name}`)).roles[0].id;
}
