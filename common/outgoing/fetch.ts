/**
 * The one way in which we ask anything of an address that a user chose. What is checked is the address that a connection is
 * made to, at every hop: a name may lead elsewhere the next time it is looked up.
 */
import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import { type Readable, Transform } from 'node:stream';
import { BadRequest } from '../errors.ts';
import { request as requestHttp } from '../http/node-http.ts';
import type { AddressRule } from './addresses.ts';

export interface OutgoingRules {
  addresses: AddressRule;
  /** 80 and 443 unless the operator says otherwise. */
  ports: readonly number[];
  /** Of the body, in bytes. */
  mostBytes: number;
  /** For everything together, in milliseconds. */
  mostMs: number;
}

export interface Fetched {
  /** Ends with an error when it grows too large, takes too long, or breaks off. */
  body: Readable;
  /** As the source said, or undefined. */
  sizeBytes: number | undefined;
}

/** How names are looked up; the system's way unless a test has another. */
export type Resolve = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void;

const mostHops = 5;

/** Says nothing of what was found: whoever asks must not learn which addresses answer here. */
export class Unreadable extends BadRequest {
  constructor(cause?: unknown) {
    super('The source could not be read: it must answer 200 at a public http or https address.', { cause });
  }
}

/**
 * Checks what can be seen of a URL without asking anybody. @throws BadRequest for another scheme or port, credentials in
 * it, or the literal address of something that is not public.
 */
export function checkUrl(text: string, { addresses, ports }: Pick<OutgoingRules, 'addresses' | 'ports'>): URL {
  if (!URL.canParse(text)) throw new BadRequest('The source is not a URL.');
  const url = new URL(text); // also undoes 0x7f000001, 2130706433 and 0177.0.0.1
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new BadRequest('The source must be an http or https URL.');
  if (url.username !== '' || url.password !== '')
    throw new BadRequest('The source must not have a user or password in it.');
  if (!ports.includes(portOf(url))) throw new BadRequest(`The source must be at port ${ports.join(' or ')}.`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !addresses.allows(host)) throw new BadRequest('The source must be at a public address.');
  return url;
}

/** Gets what is at a URL, over redirects. @throws BadRequest */
export async function fetchOutside(
  text: string,
  rules: OutgoingRules,
  { signal, resolve = lookup }: { signal?: AbortSignal; resolve?: Resolve } = {},
): Promise<Fetched> {
  const deadline = AbortSignal.any([AbortSignal.timeout(rules.mostMs), ...(signal ? [signal] : [])]);
  let url = checkUrl(text, rules);
  for (let hop = 0; hop <= mostHops; hop += 1) {
    const answer = await ask(url, rules, deadline, resolve).catch((error) => {
      throw error instanceof BadRequest ? error : new Unreadable(error);
    });
    const { statusCode = 0, headers } = answer;
    if (statusCode === 200) return bodyOf(answer, rules);
    answer.destroy();
    if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined)
      throw new Unreadable(new Error(`status ${statusCode}`));
    url = nextUrl(url, headers.location, rules);
  }
  throw new Unreadable(new Error('too many redirects'));
}

function nextUrl(from: URL, location: string, rules: OutgoingRules): URL {
  if (!URL.canParse(location, from.href)) throw new Unreadable(new Error('redirected to no URL'));
  const next = new URL(location, from);
  if (from.protocol === 'https:' && next.protocol !== 'https:')
    throw new Unreadable(new Error('redirected from https to http'));
  try {
    return checkUrl(next.href, rules);
  } catch (error) {
    throw new Unreadable(error); // where somebody's server leads is not told
  }
}

function ask(url: URL, { addresses }: OutgoingRules, signal: AbortSignal, names: Resolve): Promise<IncomingMessage> {
  const request: (url: URL, options: RequestOptions) => ClientRequest =
    url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      agent: false, // a kept connection would be one that was not checked for this
      signal,
      lookup: checkedLookup(addresses, names),
      headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'cirrostack' },
    });
    asked.on('socket', (socket: Socket) => {
      socket.on('connect', () => {
        if (!addresses.allows(socket.remoteAddress ?? ''))
          socket.destroy(new Error('connected to an address that is not public'));
      });
    });
    asked.on('response', resolve);
    asked.on('error', reject);
    asked.end();
  });
}

/** Leads only to addresses that are allowed; a name with one that is not leads nowhere at all. */
function checkedLookup(addresses: AddressRule, resolve: Resolve): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 4);
      const bad = found.find(({ address }) => !addresses.allows(address));
      if (bad || found.length === 0)
        return callback(new Error('the name leads to an address that is not public'), '', 4);
      if (options.all) return (callback as unknown as (e: null, all: typeof found) => void)(null, found);
      const [{ address, family }] = found as [(typeof found)[number]];
      callback(null, address, family);
    });
  };
}

function bodyOf(answer: IncomingMessage, { mostBytes }: OutgoingRules): Fetched {
  const said = answer.headers['content-length'];
  const sizeBytes = said === undefined ? undefined : Number(said);
  if (sizeBytes !== undefined && sizeBytes > mostBytes) {
    answer.destroy();
    throw new BadRequest(`The source is larger than ${mostBytes} bytes.`);
  }
  let seen = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen > mostBytes) done(new BadRequest(`The source is larger than ${mostBytes} bytes.`));
      else done(null, chunk);
    },
  });
  answer.on('error', (error) => bounded.destroy(new Unreadable(error)));
  answer.on('aborted', () => bounded.destroy(new Unreadable(new Error('broken off'))));
  bounded.on('close', () => answer.destroy());
  bounded.on('error', () => undefined); // it may come before anybody reads, who is told all the same
  return { body: answer.pipe(bounded), sizeBytes };
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}
