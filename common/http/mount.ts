import type { Server, ServerRoute } from '@hapi/hapi';

export interface Mounted {
  /** A route's whole path, as hapi has it. */
  path: string;
  route: () => ServerRoute;
}

/**
 * Hands routes to hapi when the first request comes that one of them could be for, and all that are left once it listens.
 * It checks and copies the options of each, which takes a quarter of a millisecond for each of hundreds: most of the life of
 * a cloud that answers a few requests of one test. hapi chooses among all routes that match the path, whatever their
 * methods, so nobody can tell.
 * @returns what is to be called with each request's path before hapi looks for its route.
 */
export function mountWhenAsked(server: Server, routes: Mounted[]): (path: string) => void {
  let waiting = routes.map(({ path, route }) => ({ route, pattern: patternOf(path) }));
  const mount = (isTurn: (pattern: RegExp) => boolean) => {
    const due = waiting.filter(({ pattern }) => isTurn(pattern));
    if (due.length === 0) return;
    waiting = waiting.filter((one) => !due.includes(one));
    server.route(due.map(({ route }) => route()));
  };
  server.ext('onPostStart', () => mount(() => true));
  return (path) => mount((pattern) => pattern.test(path));
}

/** Whatever `{name}` and `{name*}` could stand for, or more. */
function patternOf(path: string): RegExp {
  const parts = path.split(/(\/?\{[^}]*\})/).map((part) => {
    if (!part.endsWith('}')) return RegExp.escape(part);
    const slash = part.startsWith('/') ? '/' : '';
    return /[*?]/.test(part) ? `(?:${slash}.*)?` : `${slash}[^/]*`;
  });
  return new RegExp(`^${parts.join('')}$`);
}
