import type { Session } from '../session/session.ts';
import { call } from './request.ts';

export interface Project {
  id: string;
  name: string;
  domain_id: string;
}

interface TokenBody {
  token: {
    expires_at: string;
    user: { id: string; name: string };
    project?: { id: string; name: string };
    roles?: { name: string }[];
  };
}

export interface Login {
  token: string;
  projects: Project[];
}

/** A token without scope, and the projects it can be exchanged for. */
export async function logIn({
  user,
  password,
  domain,
}: {
  user: string;
  password: string;
  domain: string;
}): Promise<Login> {
  const token = await authenticate({
    identity: { methods: ['password'], password: { user: { name: user, domain: { name: domain }, password } } },
    scope: 'unscoped',
  });
  return { token: token.text, projects: await listProjects(token.text) };
}

/** Where else one can log in: what the operator gave a title. */
export interface Door {
  title: string;
  url: string;
}

export async function listDoors(): Promise<Door[]> {
  const { body } = await call<{ choices: Door[] }>('GET', 'identity', '/auth/OS-FEDERATION/websso', {});
  return body.choices;
}

export async function listProjects(token: string): Promise<Project[]> {
  const { body } = await call<{ projects: Project[] }>('GET', 'identity', '/auth/projects', { token });
  return body.projects;
}

/** Exchanges the login's token for one of the project. */
export async function enterProject(loginToken: string, projectId: string): Promise<Session> {
  const { text, token } = await authenticate({
    identity: { methods: ['token'], token: { id: loginToken } },
    scope: { project: { id: projectId } },
  });
  return {
    token: text,
    loginToken,
    expiresAt: token.expires_at,
    user: { id: token.user.id, name: token.user.name },
    project: { id: projectId, name: token.project?.name ?? projectId },
    roles: (token.roles ?? []).map((role) => role.name),
  };
}

/** Ends the login and every token that came from it. */
export async function revoke({ token, loginToken }: { token: string; loginToken: string }): Promise<void> {
  await call('DELETE', 'identity', '/auth/tokens', { token, headers: { 'x-subject-token': loginToken } });
}

async function authenticate(auth: object): Promise<TokenBody & { text: string }> {
  const { body, headers } = await call<TokenBody>('POST', 'identity', '/auth/tokens?nocatalog', { body: { auth } });
  return { ...body, text: headers.get('x-subject-token') ?? '' };
}
