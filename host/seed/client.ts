/** The cloud as its users see it: its REST API, and a token. What `bin/up` makes, any user could make. */

export interface Client {
  token: string;
  projectId: string;
  userId: string;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of every API there is
  get(path: string): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of every API there is
  post(path: string, body: unknown): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of every API there is
  put(path: string, body?: unknown): Promise<any>;
  delete(path: string): Promise<void>;
  /** Sends bytes as they come. */
  upload(path: string, content: ReadableStream<Uint8Array>): Promise<void>;
}

/** The API said no. */
export class ApiError extends Error {
  readonly status: number;
  constructor(method: string, path: string, status: number, body: string) {
    super(`${method} ${path} answered ${status}: ${body.slice(0, 500)}`);
    this.status = status;
  }
}

export interface Login {
  user: string;
  password: string;
  project: string;
}

/** @throws ApiError with status 401 when user, password and project do not belong together. */
export async function logIn(url: string, { user, password, project }: Login): Promise<Client> {
  const domain = { id: 'default' };
  const auth = {
    identity: { methods: ['password'], password: { user: { name: user, domain, password } } },
    scope: { project: { name: project, domain } },
  };
  const path = '/identity/v3/auth/tokens';
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
  });
  if (!answer.ok) throw new ApiError('POST', path, answer.status, await answer.text());
  const { token } = (await answer.json()) as { token: { project: { id: string }; user: { id: string } } };
  return client(url, answer.headers.get('x-subject-token') ?? '', token.project.id, token.user.id);
}

function client(url: string, token: string, projectId: string, userId: string): Client {
  const ask = async (method: string, path: string, init: RequestInit = {}) => {
    const headers = { 'x-auth-token': token, 'openstack-api-version': 'container 1.20', ...init.headers };
    const answer = await fetch(`${url}${path}`, { ...init, method, headers });
    const text = await answer.text();
    if (!answer.ok) throw new ApiError(method, path, answer.status, text);
    return text === '' ? undefined : JSON.parse(text);
  };
  const json = (body: unknown): RequestInit =>
    body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return {
    token,
    projectId,
    userId,
    get: (path) => ask('GET', path),
    post: (path, body) => ask('POST', path, json(body)),
    put: (path, body) => ask('PUT', path, json(body)),
    delete: (path) => ask('DELETE', path),
    async upload(path, content) {
      const headers = { 'content-type': 'application/octet-stream' };
      await ask('PUT', path, { headers, body: content, duplex: 'half' } as RequestInit);
    },
  };
}

/** The object of that name in a list, made when there is none. `list` is `path` → the key of the array in the answer. */
// biome-ignore lint/suspicious/noExplicitAny: the JSON of every API there is
export async function findOrMake<T = any>(
  cloud: Client,
  [path, key]: [path: string, key: string],
  name: string,
  make: () => Promise<T>,
): Promise<T> {
  const found = (await cloud.get(`${path}?name=${encodeURIComponent(name)}`))[key] as (T & { name: string })[];
  return found.find((each) => each.name === name) ?? make();
}
