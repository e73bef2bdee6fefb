/** Requests signed as OAuth 1.0 wants them (RFC 5849): everything in the Authorization header, HMAC-SHA1 and nothing else. */
import { createHmac } from 'node:crypto';
import { type Secret, secretsEqual } from '../../common/secret.ts';

export interface SignedRequest {
  method: string;
  /** Every URL that the client may have meant: by our public name, or by the one it reached us at. */
  urls: URL[];
  /** `oauth_…` of the Authorization header, without the signature. */
  parameters: ReadonlyMap<string, string>;
  signature: string;
}

const longestHeader = 4096;

/** Undefined for anything but one complete `Authorization: OAuth …` header of version 1.0 signed with HMAC-SHA1. */
export function readSignedRequest(header: unknown, method: string, urls: URL[]): SignedRequest | undefined {
  if (typeof header !== 'string' || header.length > longestHeader || !/^oauth\s/i.test(header)) return undefined;
  const parameters = new Map<string, string>();
  for (const part of header.replace(/^oauth\s+/i, '').split(',')) {
    const match = part.trim().match(/^([A-Za-z0-9_]+)="([^"]*)"$/);
    if (match === null) return undefined;
    const [, name = '', value = ''] = match;
    if (name === 'realm') continue;
    if (parameters.has(name)) return undefined;
    const decoded = decode(value);
    if (decoded === undefined) return undefined;
    parameters.set(name, decoded);
  }
  const signature = parameters.get('oauth_signature');
  parameters.delete('oauth_signature');
  const isComplete = ['oauth_consumer_key', 'oauth_nonce', 'oauth_timestamp'].every((name) => parameters.get(name));
  const isOurs = parameters.get('oauth_signature_method') === 'HMAC-SHA1';
  const version = parameters.get('oauth_version') ?? '1.0';
  if (signature === undefined || !isComplete || !isOurs || version !== '1.0') return undefined;
  return { method: method.toUpperCase(), urls, parameters, signature };
}

/** Whether it was signed with these secrets; takes as long for any wrong signature. `token` is null before there is one. */
export function isSignedWith(request: SignedRequest, consumer: Secret, token: Secret | null): boolean {
  const key = `${encode(consumer.reveal())}&${encode(token?.reveal() ?? '')}`;
  const given = Buffer.from(request.signature, 'base64').toString('base64');
  const matches = request.urls.map((url) =>
    secretsEqual(given, createHmac('sha1', key).update(baseString(request, url)).digest('base64')),
  );
  return matches.includes(true);
}

/** Section 3.4.1: method, URL without its query, and all parameters in order, each encoded once more. */
export function baseString({ method, parameters }: SignedRequest, url: URL): string {
  const pairs = [...parameters, ...url.searchParams].map(([name, value]) => [encode(name), encode(value)] as const);
  const inOrder = pairs.toSorted(([a, b], [c, d]) => compare(a, c) || compare(b, d));
  const normalized = inOrder.map((pair) => pair.join('=')).join('&');
  return [method, `${url.protocol}//${url.host}${url.pathname}`, normalized].map(encode).join('&');
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Section 3.6: every octet but unreserved characters. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
