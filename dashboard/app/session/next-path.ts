/**
 * Where to go after logging in: a path of this dashboard, relative to it. Anything that a browser could take for another
 * place (`https://…`, `//host`, `/\host`, `javascript:`) is the start page.
 */
export function nextPath(asked: string | null): string {
  if (asked === null || !/^\/(?![/\\])[\w\-./?&=%~+:@,]*$/.test(asked)) return '/';
  const here = 'http://here.invalid';
  const url = URL.canParse(asked, here) ? new URL(asked, here) : undefined;
  return url?.origin === here && !url.pathname.startsWith('//') ? url.pathname + url.search : '/';
}
