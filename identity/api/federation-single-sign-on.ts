import type { Request, ResponseObject, ResponseToolkit } from '@hapi/hapi';
import { BadRequest, Forbidden, NotFound, Unauthorized, Unavailable } from '../../common/errors.ts';
import { one } from '../../common/http/page.ts';
import { route } from '../../common/http/route.ts';
import { identityUrl } from '../deps.ts';
import { ownDashboard } from '../federation/federation.ts';
import type { FederationDeps } from '../federation/log-in/deps.ts';
import { type Door, findDoor } from '../federation/log-in/log-in.ts';
import { listDoors } from '../federation/providers/store.ts';
import { arrive, callbackUrl, checkOrigin, patienceSeconds, setOut } from '../federation/single-sign-on/flow.ts';
import { failurePage, handOverPage, type Page } from '../federation/single-sign-on/page.ts';

const cookieName = 'cirrostack-single-sign-on';
const byBrowser = { anonymous: 'a browser comes here to get a token' };

/** Only for the way back, only by navigation, and to no script. */
function cookie(deps: FederationDeps, value: string, seconds: number): string {
  const { pathname, protocol } = new URL(callbackUrl(deps));
  const secure = protocol === 'https:' ? '; Secure' : '';
  return `${cookieName}=${value}; Path=${pathname}; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}

export const singleSignOnRoutes = (deps: FederationDeps) => {
  const begin = (door: Door, query: Record<string, unknown>, h: ResponseToolkit) => {
    const { location, journey } = setOut(deps, door, checkOrigin(deps, one(query.origin)));
    return h
      .redirect(location)
      .header('set-cookie', cookie(deps, journey, patienceSeconds))
      .header('cache-control', 'no-store');
  };
  /** By an identity provider's doors, those that single sign-on can go through. */
  const open = async (protocolId?: string): Promise<Door[]> =>
    (await listDoors(deps.db, protocolId)).filter(({ provider }) =>
      provider.remoteIds.some((issuer) => deps.federation.issuers.has(issuer)),
    );
  return [
    route({
      method: 'GET',
      path: '/v3/auth/OS-FEDERATION/websso',
      rule: { anonymous: 'who is not logged in yet chooses from it' },
      summary: 'List where the dashboard’s users can log in',
      status: 200,
      async handler() {
        const choices = (await open()).flatMap(({ provider, protocol }) => {
          const issuer = [...deps.federation.issuers.values()].find(
            ({ issuer, title }) => title !== null && provider.remoteIds.includes(issuer),
          );
          if (issuer === undefined) return [];
          const place = `identity_providers/${encodeURIComponent(provider.id)}/protocols/${encodeURIComponent(protocol.id)}`;
          const origin = new URLSearchParams({ origin: ownDashboard(deps.publicUrl) });
          return [
            {
              identity_provider: provider.id,
              protocol: protocol.id,
              title: issuer.title,
              url: `${identityUrl(deps)}/auth/OS-FEDERATION/${place}/websso?${origin}`,
            },
          ];
        });
        return { choices };
      },
    }),
    ...(['GET', 'POST'] as const).flatMap((method) => [
      route({
        method,
        path: '/v3/auth/OS-FEDERATION/websso/{protocol_id}',
        rule: byBrowser,
        summary: 'Log in to a dashboard at the identity provider that has this protocol',
        status: 302,
        async handler({ params, query }, h) {
          checkOrigin(deps, one(query.origin));
          const [door, ...others] = await open(params.protocol_id ?? '');
          if (door === undefined) throw new Unauthorized('No identity provider is configured for this protocol.');
          if (others.length > 0)
            throw new BadRequest(
              'Several identity providers have this protocol; name one: /auth/OS-FEDERATION/identity_providers/{idp}/protocols/{protocol}/websso',
            );
          return begin(door, query, h);
        },
      }),
      route({
        method,
        path: '/v3/auth/OS-FEDERATION/identity_providers/{idp_id}/protocols/{protocol_id}/websso',
        rule: byBrowser,
        summary: 'Log in to a dashboard at an identity provider',
        status: 302,
        async handler({ params, query }, h) {
          checkOrigin(deps, one(query.origin));
          return begin(await findDoor(deps, params.idp_id ?? '', params.protocol_id ?? ''), query, h);
        },
      }),
    ]),
    route({
      method: 'GET',
      path: '/v3/auth/OS-FEDERATION/callback',
      rule: byBrowser,
      summary: 'Come back from an identity provider and hand a token to the dashboard',
      status: 200,
      async handler({ query, request }, h) {
        try {
          const { origin, issued } = await arrive(deps, cookieOf(request), {
            state: one(query.state) ?? '',
            code: one(query.code),
            error: one(query.error),
            iss: one(query.iss),
          });
          return answer(h, handOverPage(origin, issued.text), 200).header('set-cookie', cookie(deps, '', 0));
        } catch (error) {
          const status = shownTo.find(([type]) => error instanceof type)?.[1];
          if (status === undefined) throw error;
          return answer(h, failurePage((error as Error).message, `${deps.publicUrl}/dashboard/`), status);
        }
      },
    }),
  ];
};

/** What a person reads on a page; all else is a bug, and answered as everywhere. */
const shownTo = [
  [Unauthorized, 401],
  [Forbidden, 403],
  [NotFound, 404],
  [Unavailable, 503],
] as const;

function answer(h: ResponseToolkit, { html, headers }: Page, status: number): ResponseObject {
  const page = h.response(html).type('text/html').code(status);
  for (const [name, value] of Object.entries(headers)) page.header(name, value);
  return page;
}

function cookieOf(request: Request): string | undefined {
  const value: unknown = request.state?.[cookieName];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
