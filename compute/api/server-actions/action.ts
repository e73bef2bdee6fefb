import type { ResponseToolkit } from '@hapi/hapi';
import { type Static, type TSchema, Type } from 'typebox';
import type { ProjectContext } from '../../../common/context.ts';
import type { Version } from '../../../common/http/microversion.ts';
import type { Rule } from '../../../common/policy/rules.ts';
import type { ComputeApiDeps } from '../deps.ts';

export interface Acting<Value> {
  deps: ComputeApiDeps;
  ctx: ProjectContext;
  /** Of the server, as the path has it. */
  id: string;
  value: Value;
  version: Version;
  h: ResponseToolkit;
}

/** One of the things that can stand in the body of `POST /servers/{server_id}/action`. */
export interface ServerActionSpec<S extends TSchema = TSchema> {
  /** A rule of its own guards each action, as in Nova. */
  rule: Rule<'project'>;
  value: S;
  /** In force from this microversion to that, both included. */
  from?: Version;
  to?: Version;
  /** For one that can be asked what it would do; see `dryRun` of routes. */
  dryRun?(acting: Pick<Acting<Static<S>>, 'deps' | 'ctx' | 'id'>, run: () => Promise<unknown>): Promise<object>;
  /** A response; anything else answers 202 without a body. */
  run(acting: Acting<Static<S>>): Promise<unknown>;
}

/** Ties an action's schema to what it receives. */
export function action<S extends TSchema>(spec: ServerActionSpec<S>): ServerActionSpec {
  return spec as unknown as ServerActionSpec; // the body was checked against its schema before it runs
}

/** Nova takes null and whatever else clients put there. */
export const Anything = Type.Unknown();
