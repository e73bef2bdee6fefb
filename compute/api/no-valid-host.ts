import type { ProjectContext } from '../../common/context.ts';
import { BadRequest } from '../../common/errors.ts';
import { inFull, NoValidHost } from '../scheduler/no-valid-host.ts';
import type { ComputeApiDeps } from './deps.ts';
import { showsHosts } from './server-view.ts';

/** That no host takes a server is told to whoever asked, and host by host to those who may know of hosts. */
export async function tellingHosts<T>(deps: ComputeApiDeps, ctx: ProjectContext, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NoValidHost)) throw error;
    throw showsHosts(deps, ctx) ? new BadRequest(inFull(error), { cause: error }) : error;
  }
}
