import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Request, ResponseObject, ResponseToolkit } from '@hapi/hapi';
import { BadRequest, NotFound, Unavailable } from '../common/errors.ts';
import { imageDialect } from '../common/http/dialect.ts';
import { route } from '../common/http/route.ts';
import type { Module } from '../common/module.ts';
import { readFiles, type StaticFile } from './files.ts';

const forEverybody = {
  anonymous: 'the program is public; what it shows comes from the API, with the token of whoever looks',
};

/** Nothing inline, nothing from elsewhere, never in a frame. What a name or a log holds cannot become a program. */
export const pageHeaders: Record<string, string> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY', // what browsers without frame-ancestors read
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/**
 * Serves what `buildDashboard` made below `/dashboard/`; 503 where it has not. There is no session here and nothing to fill
 * with requests: every path that is not a file is the same page, and the program in it decides what to show.
 */
export function dashboardModule(dist = join(import.meta.dirname, 'dist')): Module {
  let reading: Promise<Map<string, StaticFile>> | undefined;
  const find = async (name: string) => {
    reading ??= readFiles(dist); // at the first request: a cloud without anybody at its dashboard has no use for it
    try {
      return (await reading).get(name);
    } catch (cause) {
      reading = undefined;
      throw new Unavailable('The dashboard is not built: dashboard/build.ts makes it.', { cause });
    }
  };
  return {
    service: {
      name: 'dashboard',
      prefix: '/dashboard',
      dialect: imageDialect,
      overQuotaStatus: 403,
      routes: [
        route({
          method: 'GET',
          path: '/files/{name}',
          rule: forEverybody,
          summary: 'A file of the dashboard',
          status: 200,
          async handler({ params: { name = '' }, request }, h) {
            const file = await find(name);
            if (file === undefined) throw new NotFound('file', name);
            return answer(request, h, file, file.isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache');
          },
        }),
        route({
          method: 'POST',
          path: '/sso',
          rule: forEverybody,
          summary: 'The dashboard, for a browser that single sign-on has given a token',
          rawBody: true,
          status: 200,
          async handler({ request }, h) {
            const page = (await find('index.html')) as StaticFile;
            return handedOver(h, page, await tokenIn(request.payload as Readable));
          },
        }),
        ...['/', '/{path*}'].map((path) =>
          route({
            method: 'GET',
            path,
            rule: forEverybody,
            summary: 'The dashboard',
            status: 200,
            async handler({ request }, h) {
              return answer(request, h, (await find('index.html')) as StaticFile, 'no-cache'); // readFiles saw it
            },
          }),
        ),
      ],
    },
    controllers: [],
    agents: [],
  };
}

/** Larger than any token of ours. */
const mostBytes = 16 * 1024;

/** What identity's page posts: a form with `token`. Throws `BadRequest` for anything that no token looks like. */
async function tokenIn(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new BadRequest('That is no token.');
    chunks.push(chunk);
  }
  const token = new URLSearchParams(Buffer.concat(chunks).toString('utf8')).get('token') ?? '';
  if (!/^[\w.-]+$/.test(token)) throw new BadRequest('That is no token.');
  return token;
}

/** The page with the token in it, for the program to take out; it is kept nowhere, least of all in an address. */
function handedOver(h: ResponseToolkit, { bytes, type }: StaticFile, token: string): ResponseObject {
  const meta = `<meta name="handed-over-token" content="${token}">`;
  const response = h.response(bytes.toString('utf8').replace('</head>', `${meta}</head>`)).type(type);
  for (const [name, value] of Object.entries(pageHeaders)) response.header(name, value);
  return response.header('cache-control', 'no-store');
}

function answer(request: Request, h: ResponseToolkit, file: StaticFile, cache: string): ResponseObject {
  const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const response = h.response(zipped ? file.gzipped : file.bytes).type(file.type);
  for (const [name, value] of Object.entries(pageHeaders)) response.header(name, value);
  if (zipped) response.header('content-encoding', 'gzip');
  return response
    .etag(zipped ? `${file.etag}-gzip` : file.etag)
    .header('vary', 'accept-encoding')
    .header('cache-control', cache);
}
