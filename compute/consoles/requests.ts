/** What a request for a WebSocket says, as Nova's proxies read it (nova/console/websocketproxy.py). Pure. */
import type { IncomingMessage } from 'node:http';
import { BadRequest } from '../../common/errors.ts';

/** In the query; in a cookie where there is none, as noVNC before 1.1 has it. Empty when it is in neither. */
export function tokenOf({ url, headers }: Pick<IncomingMessage, 'url' | 'headers'>): string {
  const inQuery = tokenInQuery(url);
  if (inQuery) return inQuery;
  const cookies = (headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  return cookies.find((cookie) => cookie.startsWith('token='))?.slice('token='.length) ?? '';
}

function tokenInQuery(url = ''): string {
  return new URLSearchParams(url.split('?')[1] ?? '').get('token') ?? '';
}

/**
 * Whether the page that asks may: it must be of the host that it asks, of the public URL, or of an origin that the operator
 * named (CVE-2015-0259). Scripts say no origin: they have to know the token, as no browser could be made to add it. A cookie comes
 * from a browser, which says an origin.
 */
export function isOriginAllowed(
  { url, headers }: Pick<IncomingMessage, 'url' | 'headers'>,
  { publicUrl, allowedOrigins }: { publicUrl: string; allowedOrigins: readonly string[] },
): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return tokenInQuery(url) !== '';
  const asked = parse(origin);
  if (asked === undefined || !['http:', 'https:'].includes(asked.protocol)) return false;
  return asked.host === host || asked.origin === parse(publicUrl)?.origin || allowedOrigins.includes(asked.origin);
}

/** From the setting `consoleAllowedOrigins`, separated by commas. Throws `BadRequest` that names what is none. */
export function originsOf(setting: string): string[] {
  const origins = setting.split(',').map((origin) => origin.trim());
  return origins
    .filter((origin) => origin !== '')
    .map((origin) => {
      const parsed = parse(origin);
      if (parsed !== undefined && ['http:', 'https:'].includes(parsed.protocol)) return parsed.origin;
      throw new BadRequest(`Setting consoleAllowedOrigins: ${origin} is no origin, as https://portal.example is.`);
    });
}

function parse(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}
