import { randomBytes } from 'node:crypto';
import type { Making } from '../things.ts';

const base = '/identity/v3/OS-FEDERATION';
const id = () => randomBytes(16).toString('hex');

/** Their ids are chosen; these have the form of others'. */
export async function makeFederationThings({ admin, mark }: Making) {
  const [spareIdentityProvider, spareProtocol, spareMapping, spareServiceProvider] = [id(), id(), id(), id()];
  const provider = { description: mark, remote_ids: [`https://${mark}.test/realms/r`], domain_id: 'default' };
  await admin.put(`${base}/identity_providers/${spareIdentityProvider}`, { identity_provider: provider }, 201);
  const rules = [{ local: [{ user: { name: mark } }], remote: [{ type: 'sub' }] }];
  await admin.put(`${base}/mappings/${spareMapping}`, { mapping: { rules } }, 201);
  await admin.put(
    `${base}/identity_providers/${spareIdentityProvider}/protocols/${spareProtocol}`,
    { protocol: { mapping_id: spareMapping } },
    201,
  );
  const place = `https://${mark}.test/`;
  await admin.put(
    `${base}/service_providers/${spareServiceProvider}`,
    { service_provider: { auth_url: place, sp_url: place } },
    201,
  );
  return { spareIdentityProvider, spareProtocol, spareMapping, spareServiceProvider };
}
