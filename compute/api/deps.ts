import type { ConsoleSettings } from '../consoles/tokens.ts';
import type { ServerDeps } from '../servers/create.ts';
import type { Url } from './links.ts';

/** What the routes of this service may use. */
export interface ComputeApiDeps extends ServerDeps {
  url: Url;
  /** Without a slash at its end. */
  publicUrl: string;
  consoles: ConsoleSettings;
}
