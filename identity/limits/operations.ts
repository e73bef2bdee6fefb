import type { Knex } from '../../common/database/database.ts';
import { BadRequest, Forbidden } from '../../common/errors.ts';
import { checkModel, type LimitModel, lockLimits } from './model.ts';
import { insertLimits, type Limit, type NewLimit, updateLimit } from './store.ts';

interface LimitDeps {
  db: Knex;
  limitModel: LimitModel;
}

/** What is asked for: what of is said by service, region and name, which somebody has to have registered. */
export interface AskedLimit {
  serviceId: string;
  regionId: string | null;
  resourceName: string;
  resourceLimit: number;
  description: string | null;
  /** One of the two. A domain's id as that of a project is the domain. */
  projectId: string | null;
  domainId: string | null;
}

/**
 * All of them or none. Throws `BadRequest` for what they name and is not there, `Forbidden` where nothing is registered or the
 * model does not allow it, `Conflict` where there is such a limit already.
 */
export async function createLimits({ db, limitModel }: LimitDeps, asked: AskedLimit[]): Promise<Limit[]> {
  return db.transaction(async (trx) => {
    await lockLimits(trx, limitModel);
    const limits = await insertLimits(trx, await resolved(trx, asked));
    await checkModel(trx, limitModel, changedBy(limits));
    return limits;
  });
}

/** Throws `Forbidden` where the model does not allow it. */
export async function changeLimit(
  { db, limitModel }: LimitDeps,
  id: string,
  changes: { resourceLimit?: number | undefined; description?: string | null | undefined },
): Promise<Limit> {
  return db.transaction(async (trx) => {
    await lockLimits(trx, limitModel);
    const limit = await updateLimit(trx, id, changes);
    await checkModel(trx, limitModel, changedBy([limit]));
    return limit;
  });
}

function changedBy(limits: Limit[]) {
  return {
    registeredLimitIds: limits.map((limit) => limit.registeredLimitId),
    projectIds: limits.flatMap(({ projectId }) => projectId ?? []),
    domainIds: limits.flatMap(({ domainId }) => domainId ?? []),
  };
}

/** Finds all that they name, in one query. */
async function resolved(trx: Knex, asked: AskedLimit[]): Promise<NewLimit[]> {
  const { rows } = await trx.raw(
    `select s.id as "serviceId", g.id as "regionId", r.id as "registeredLimitId", p.id as "projectId", d.id as "domainId"
     from jsonb_to_recordset(?::jsonb) as a(position int, "serviceId" text, "regionId" text, "resourceName" text,
         "projectId" text, "domainId" text)
       left join services s on s.id = a."serviceId"
       left join regions g on g.id = a."regionId"
       left join registered_limits r on r.service_id = s.id and r.region_id is not distinct from a."regionId"
         and r.resource_name = a."resourceName"
       left join projects p on p.id = a."projectId"
       left join domains d on d.id = coalesce(a."domainId", a."projectId")
     order by a.position`,
    [JSON.stringify(asked.map((limit, position) => ({ ...limit, position })))],
  );
  return asked.map((limit, i) => {
    const found = rows[i];
    if (found.serviceId === null) throw new BadRequest(`The limit's service_id ${limit.serviceId} names no service.`);
    if (limit.regionId !== null && found.regionId === null)
      throw new BadRequest(`The limit's region_id ${limit.regionId} names no region.`);
    const isProjects = found.projectId !== null;
    if (!isProjects && found.domainId === null)
      throw new BadRequest(
        limit.projectId === null
          ? `The limit's domain_id ${limit.domainId} names no domain.`
          : `The limit's project_id ${limit.projectId} names no project.`,
      );
    if (found.registeredLimitId === null)
      throw new Forbidden(
        `Unable to create a limit that has no corresponding registered limit: ${limit.resourceName} of service ${limit.serviceId}.`,
      );
    return {
      projectId: found.projectId,
      domainId: isProjects ? null : found.domainId,
      registeredLimitId: found.registeredLimitId,
      resourceLimit: limit.resourceLimit,
      description: limit.description,
    };
  });
}
