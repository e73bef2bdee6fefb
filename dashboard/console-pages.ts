import { type Route, route } from '../common/http/route.ts';
import { answerFile, type Bundle } from './bundle.ts';
import { pageHeaders } from './plugin.ts';

const forEverybody = {
  anonymous:
    'the page is public; the console that it opens wants a token of its own, which the page is given in its address',
};

/** As the dashboard's, which may show these pages in a frame. Pointers drawn by the guest are images in `data:`. */
const headers = (styles: string): Record<string, string> => ({
  ...pageHeaders,
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    `style-src ${styles}`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-frame-options': 'SAMEORIGIN',
});

const pages = [
  { name: 'vnc.html', what: 'screen', headers: headers("'self'") },
  // The terminal measures and colours its text by styles that it writes itself; guests' text is never part of them.
  { name: 'serial.html', what: 'serial port', headers: headers("'self' 'unsafe-inline'") },
] as const;

/** The pages below `/console` in which a browser shows a console; neither knows a session. */
export function consolePages(bundle: Bundle): Route[] {
  return pages.map(({ name, what, headers }) =>
    route({
      method: 'GET',
      path: `/${name}`,
      rule: forEverybody,
      summary: `The ${what} of a server, for a browser: \`?path=…\``,
      status: 200,
      async handler({ request }, h) {
        return answerFile(request, h, await bundle.page(name), { cache: 'no-cache', headers });
      },
    }),
  );
}
