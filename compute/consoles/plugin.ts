import type { Knex } from '../../common/database/database.ts';
import type { Notifications } from '../../common/database/notifications.ts';
import { BadRequest } from '../../common/errors.ts';
import { computeDialect } from '../../common/http/dialect.ts';
import { type Route, route } from '../../common/http/route.ts';
import type { Logger } from '../../common/logger.ts';
import type { Module } from '../../common/module.ts';
import { consolePrefix } from './console.ts';
import { openHub } from './hub.ts';
import { originsOf } from './requests.ts';
import { openRoads, type RoadDeps } from './roads.ts';
import type { ConsoleSettings } from './tokens.ts';

export interface ConsoleModuleDeps extends RoadDeps {
  db: Knex;
  log: Logger;
  notifications: Notifications;
  publicUrl: string;
  settings: ConsoleSettings;
  /** Beside our own, separated by commas. */
  allowedOrigins: string;
  /** What browsers show consoles with. */
  pages: Route[];
}

/** What is below `/console`: WebSockets to guests, and the pages that open them. */
export function consoleModule({ pages, allowedOrigins, ...deps }: ConsoleModuleDeps): Module {
  const hub = openHub({ ...deps, roads: openRoads(deps), allowedOrigins: originsOf(allowedOrigins) });
  return {
    service: {
      name: 'console',
      prefix: consolePrefix,
      dialect: computeDialect,
      overQuotaStatus: 403,
      sockets: hub,
      routes: [
        route({
          method: 'GET',
          path: '/',
          rule: { anonymous: 'A WebSocket is opened with a console token; anything else is told so.' },
          summary: 'A console of a server, as a WebSocket: `?token=…`',
          status: 101,
          handler() {
            throw new BadRequest('This address is for WebSockets, with a token of a console.');
          },
        }),
        ...pages,
      ],
    },
    controllers: [],
    agents: [],
  };
}
