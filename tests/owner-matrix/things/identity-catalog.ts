import type { Making } from '../things.ts';

const v3 = '/identity/v3';

/** What the administrator says there is to be found, and by whom. */
export async function makeCatalogThings({ admin, mark }: Making) {
  const service = async (type: string): Promise<string> =>
    (await admin.post(`${v3}/services`, { service: { type, name: mark, enabled: false } })).service.id;
  const endpoint = async (service_id: string): Promise<string> =>
    (
      await admin.post(`${v3}/endpoints`, {
        endpoint: { service_id, interface: 'public', url: `http://${mark}.test`, enabled: false },
      })
    ).endpoint.id;
  const spareRegion = `spare-${mark}`;
  await admin.post(`${v3}/regions`, { region: { id: spareRegion } });
  const catalogService = await service(`service-${mark}`);
  return {
    spareRegion,
    catalogService,
    catalogEndpoint: await endpoint(catalogService),
    spareService: await service(`spare-${mark}`),
    spareEndpoint: await endpoint(catalogService),
  };
}
