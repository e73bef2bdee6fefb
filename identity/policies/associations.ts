import { type Knex, violatedConstraint } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import { type Endpoint, type EndpointRow, endpointFromRow, getEndpoint } from '../endpoints/store.ts';
import { getRegion } from '../regions/store.ts';
import { getService } from '../services/store.ts';
import { getPolicy, type StoredPolicy } from './store.ts';

/** Whose policy it is: an endpoint's, that of a service in a region and all below it, or that of a service everywhere. */
export type PolicySubject = { endpointId: string } | { serviceId: string; regionId?: string | undefined };

function rowOf(subject: PolicySubject) {
  if ('endpointId' in subject) return { endpoint_id: subject.endpointId, service_id: null, region_id: null };
  return { endpoint_id: null, service_id: subject.serviceId, region_id: subject.regionId ?? null };
}

/** Throws `NotFound` for whatever of it is not there. */
async function checkThere(db: Knex, policyId: string, subject: PolicySubject): Promise<void> {
  await getPolicy(db, policyId);
  if ('endpointId' in subject) await getEndpoint(db, subject.endpointId);
  else await getService(db, subject.serviceId);
  if ('regionId' in subject && subject.regionId !== undefined) await getRegion(db, subject.regionId);
}

/** Everything has one policy at most: an earlier one is replaced. Throws `NotFound` for whatever is not there. */
export async function associatePolicy(db: Knex, policyId: string, subject: PolicySubject): Promise<void> {
  const row = { policy_id: policyId, ...rowOf(subject) };
  try {
    await db.raw(
      `insert into policy_associations (policy_id, endpoint_id, service_id, region_id)
       values (:policy_id, :endpoint_id, :service_id, :region_id)
       on conflict (endpoint_id, service_id, region_id) do update set policy_id = excluded.policy_id`,
      row as Record<string, Knex.RawBinding>,
    );
  } catch (error) {
    const [, missing] =
      violatedConstraint(error)?.match(/^policy_associations_(policy|endpoint|service|region)_id_foreign$/) ?? [];
    if (missing === undefined) throw error;
    throw new NotFound(missing, row[`${missing}_id` as keyof typeof row] ?? '', { cause: error });
  }
}

/** Throws `NotFound` when the subject has another policy, or none. */
export async function checkAssociation(db: Knex, policyId: string, subject: PolicySubject): Promise<void> {
  await checkThere(db, policyId, subject);
  const row = await db('policy_associations')
    .where({ policy_id: policyId, ...rowOf(subject) })
    .first('policy_id');
  if (row === undefined) throw new NotFound('association of policy', policyId);
}

/** One that is not there is a success, as in keystone. */
export async function dissociatePolicy(db: Knex, policyId: string, subject: PolicySubject): Promise<void> {
  await checkThere(db, policyId, subject);
  await db('policy_associations')
    .where({ policy_id: policyId, ...rowOf(subject) })
    .delete();
}

/**
 * The policy of an endpoint: its own; else that of its service in its region, or in the nearest region above that has one;
 * else that of its service. Throws `NotFound` when there is none.
 */
export async function policyOfEndpoint(db: Knex, endpointId: string): Promise<StoredPolicy> {
  const endpoint = await getEndpoint(db, endpointId);
  const { rows } = await db.raw(
    `with recursive above(id, parent_region_id, height) as (
       select id, parent_region_id, 0 from regions where id = :regionId
       union all
       select r.id, r.parent_region_id, height + 1 from regions r join above on r.id = above.parent_region_id
     )
     select a.policy_id from policy_associations a left join above on above.id = a.region_id
     where a.endpoint_id = :endpointId or (a.service_id = :serviceId and (a.region_id is null or above.id is not null))
     order by a.endpoint_id is null, a.region_id is null, above.height limit 1`,
    { endpointId, serviceId: endpoint.serviceId, regionId: endpoint.regionId } as Record<string, Knex.RawBinding>,
  );
  if (rows[0] === undefined) throw new NotFound('policy for endpoint', endpointId);
  return getPolicy(db, rows[0].policy_id);
}

/** Whatever endpoints an association of the policy reaches, each once. */
export async function endpointsOfPolicy(db: Knex, policyId: string): Promise<Endpoint[]> {
  await getPolicy(db, policyId);
  const { rows } = await db.raw(
    `with recursive reached(service_id, region_id) as (
       select service_id, region_id from policy_associations where policy_id = :policyId and region_id is not null
       union
       select reached.service_id, r.id from regions r join reached on r.parent_region_id = reached.region_id
     )
     select e.* from endpoints e where exists (
       select 1 from policy_associations a where a.policy_id = :policyId
         and (a.endpoint_id = e.id or (a.service_id = e.service_id and a.region_id is null)))
       or (e.service_id, e.region_id) in (select service_id, region_id from reached)
     order by e.service_id, e.id`,
    { policyId },
  );
  return rows.map((row: EndpointRow) => endpointFromRow(row));
}
