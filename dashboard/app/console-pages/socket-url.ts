/**
 * The WebSocket that a page's address tells it to open: `path` below the root of the page's own host, as noVNC has it. Null
 * when there is none, or when it leads to another host.
 */
export function socketUrl(page: URL): URL | null {
  const path = page.searchParams.get('path') ?? '';
  if (path === '' || !URL.canParse(`/${path}`, page)) return null;
  const url = new URL(`/${path}`, page);
  if (url.host !== page.host || url.username !== '' || url.password !== '') return null;
  url.protocol = page.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  return url;
}

/** A token serves once: neither the history nor a copied address is to keep it. */
export function takeSocketUrl(): URL | null {
  const url = socketUrl(new URL(location.href));
  history.replaceState(null, '', location.pathname);
  return url;
}

export const over = 'Not connected. An address opens a console once: ask for a new one.';
