import type { Readable } from 'node:stream';
import type { ResponseObject, ResponseToolkit } from '@hapi/hapi';
import { BadRequest, NotFound } from '../common/errors.ts';
import { imageDialect } from '../common/http/dialect.ts';
import { route } from '../common/http/route.ts';
import type { Module } from '../common/module.ts';
import { answerFile, type Bundle } from './bundle.ts';
import type { StaticFile } from './files.ts';

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
    "frame-src 'self'", // consoles, which are pages with a policy of their own
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
export function dashboardModule(bundle: Bundle): Module {
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
            const file = await bundle.find(name);
            if (file === undefined) throw new NotFound('file', name);
            const cache = file.isNamedByContent ? 'public, max-age=31536000, immutable' : 'no-cache';
            return answerFile(request, h, file, { cache, headers: pageHeaders });
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
            return handedOver(h, await bundle.page('index.html'), await tokenIn(request.payload as Readable));
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
              const page = await bundle.page('index.html');
              return answerFile(request, h, page, { cache: 'no-cache', headers: pageHeaders });
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
