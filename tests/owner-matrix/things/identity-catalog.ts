import type { Client } from '../../cloud.ts';
import type { Making } from '../things.ts';

const v3 = '/identity/v3';

/** Of the catalog and limits, what everybody with a token is shown, and why. */
export const catalogCommon = {
  region: 'whoever has a token sees where the cloud is',
  spareRegion: 'likewise; one for each to delete',
  limitedService: 'whoever has a token sees the defaults of limits, and what they are for',
  registeredLimit: 'likewise',
  spareRegisteredLimit: 'likewise; one for each to delete',
} as const;

export async function makeCatalogCommons(
  admin: Client,
  region: string,
): Promise<Record<keyof typeof catalogCommon, string>> {
  const limitedService = await service(admin, 'limited');
  const registeredLimit = await register(admin, limitedService, 'boxes');
  return { region, spareRegion: region, limitedService, registeredLimit, spareRegisteredLimit: registeredLimit };
}

async function service(admin: Client, type: string): Promise<string> {
  return (await admin.post(`${v3}/services`, { service: { type, enabled: false } })).service.id;
}

async function register(admin: Client, service_id: string, resource_name: string): Promise<string> {
  const limit = { service_id, resource_name, default_limit: 10 };
  return (await admin.post(`${v3}/registered_limits`, { registered_limits: [limit] })).registered_limits[0].id;
}

/** What the administrator says there is to be found, by whom, and how much of it. */
export async function makeCatalogThings(
  { admin, owner, mark }: Making,
  { limitedService }: { limitedService: string },
) {
  const catalogService = await service(admin, `service-${mark}`);
  const endpoint = async (): Promise<string> => {
    const spec = { service_id: catalogService, interface: 'public', url: `http://${mark}.test`, enabled: false };
    return (await admin.post(`${v3}/endpoints`, { endpoint: spec })).endpoint.id;
  };
  const group = async (): Promise<string> => {
    const spec = { name: mark, filters: { service_id: catalogService } };
    return (await admin.post(`${v3}/OS-EP-FILTER/endpoint_groups`, { endpoint_group: spec })).endpoint_group.id;
  };
  const policy = async (): Promise<string> =>
    (await admin.post(`${v3}/policies`, { policy: { type: mark, blob: '{}' } })).policy.id;
  const limit = async (resource_name: string): Promise<string> => {
    const spec = { service_id: limitedService, resource_name, resource_limit: 5, project_id: owner.projectId };
    return (await admin.post(`${v3}/limits`, { limits: [spec] })).limits[0].id;
  };
  const spareRegion = `spare-${mark}`;
  await admin.post(`${v3}/regions`, { region: { id: spareRegion } });
  await register(admin, limitedService, `kept-${mark}`);
  const catalogEndpoint = await endpoint();
  const endpointGroup = await group();
  const { project } = await admin.post(`${v3}/projects`, { project: { name: `filtered-${mark}` } });
  for (const given of [
    `projects/${project.id}/endpoints/${catalogEndpoint}`,
    `endpoint_groups/${endpointGroup}/projects/${project.id}`,
  ])
    await admin.put(`${v3}/OS-EP-FILTER/${given}`, undefined, 204);
  const storedPolicy = await policy();
  for (const subject of [
    `endpoints/${catalogEndpoint}`,
    `services/${catalogService}`,
    `services/${catalogService}/regions/RegionOne`,
  ])
    await admin.put(`${v3}/policies/${storedPolicy}/OS-ENDPOINT-POLICY/${subject}`, undefined, 204);
  return {
    spareRegion,
    catalogService,
    catalogEndpoint,
    spareService: await service(admin, `spare-${mark}`),
    spareEndpoint: await endpoint(),
    filteredProject: project.id as string,
    endpointGroup,
    spareEndpointGroup: await group(),
    storedPolicy,
    sparePolicy: await policy(),
    spareRegisteredLimit: await register(admin, limitedService, mark),
    limit: await limit('boxes'),
    spareLimit: await limit(`kept-${mark}`),
  };
}
