import { BadRequest } from '../../common/errors.ts';
import { since, type Version } from '../../common/http/microversion.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';
import { limitsOfClass } from '../quotas/limits.ts';
import { networkResources, type QuotaResource } from '../quotas/resources.ts';
import { setClassLimits } from '../quotas/store.ts';
import type { ComputeApiDeps } from './deps.ts';
import { limitsFrom, pick, QuotaClassSet, shownResources } from './quota-fields.ts';

export const quotaClassSetPolicy = definePolicy({
  'os_compute_api:os-quota-class-sets:show': projectAdmin('Show the limits of a quota class'),
  'os_compute_api:os-quota-class-sets:update': projectAdmin('Set the limits of a quota class'),
});

const path = '/v2.1/os-quota-class-sets/{quota_class}';
const groups: readonly QuotaResource[] = ['server_groups', 'server_group_members'];

/** `default` is what everybody has for whom nothing else is said. No project is in any other class, as in Nova. */
export const quotaClassSetRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path,
    rule: quotaClassSetPolicy['os_compute_api:os-quota-class-sets:show'],
    summary: 'Show the limits of a quota class',
    status: 200,
    async handler({ params, version }) {
      const name = params.quota_class ?? '';
      return { quota_class_set: { id: name, ...pick(await limitsOfClass(db, name), shown(version)) } };
    },
  }),
  route({
    method: 'PUT',
    path,
    rule: quotaClassSetPolicy['os_compute_api:os-quota-class-sets:update'],
    summary: 'Set the limits of a quota class',
    body: QuotaClassSet,
    status: 200,
    async handler({ params, body, version }) {
      const name = params.quota_class ?? '';
      if (name.length > 255 || /\p{Cc}|\p{Cs}/u.test(name))
        throw new BadRequest('quota_class_name must be 1 to 255 printable characters.');
      const limits = limitsFrom(body.quota_class_set, shownResources(version, { networkUntil: 49 }));
      refuseNetworks(limits);
      await setClassLimits(db, name, limits);
      return { quota_class_set: pick(await limitsOfClass(db, name), shown(version)) };
    },
  }),
];

/** Until 2.49 those of server groups were not told. */
function shown(version: Version): QuotaResource[] {
  const names = shownResources(version, { networkUntil: 49 });
  return since(version, 2, 50) ? names : names.filter((name) => !groups.includes(name));
}

/** Network's defaults are the same for everybody; to take a number here that it does not follow would be a lie. */
function refuseNetworks(limits: object): void {
  const theirs = Object.keys(limits).filter((name) => networkResources[name as QuotaResource] !== undefined);
  if (theirs.length > 0)
    throw new BadRequest(
      `The defaults of ${theirs.join(', ')} are those of the Network service and cannot be set here.`,
    );
}
