import { createHmac } from 'node:crypto';
import type { Making } from '../things.ts';

const v3 = '/identity/v3';

/** What a user hands on of their rights, and keeps to be known by. */
export async function makeDelegationThings(
  { owner, mark }: Making,
  { commonRole, commonTrustee }: { commonRole: string; commonTrustee: string },
) {
  const user_id = owner.userId;
  const mine = `${v3}/users/${user_id}`;
  let count = 0;
  const credential = async (access_rules?: object[]) => {
    count += 1;
    const asked = { name: `program-${count}-${mark}`, ...(access_rules && { access_rules }) };
    return (await owner.post(`${mine}/application_credentials`, { application_credential: asked }))
      .application_credential;
  };
  const rule = { service: 'compute', method: 'GET' };
  const ruled = await credential([{ ...rule, path: `/kept/${mark}` }]);
  const unused = await credential([{ ...rule, path: `/spare/${mark}` }]);
  await owner.delete(`${mine}/application_credentials/${unused.id}`);
  const kept = async () => {
    const asked = { user_id, project_id: owner.projectId, type: 'cert', blob: mark };
    return (await owner.post(`${v3}/credentials`, { credential: asked })).credential.id as string;
  };
  const keyPair = async () => {
    const asked = { tenant_id: owner.projectId };
    return (await owner.post(`${mine}/credentials/OS-EC2`, asked)).credential as { access: string; secret: string };
  };
  const trust = async () => {
    const asked = {
      ...{ trustor_user_id: user_id, trustee_user_id: commonTrustee, project_id: owner.projectId },
      ...{ impersonation: false, roles: [{ id: commonRole }] },
    };
    return (await owner.post(`${v3}/OS-TRUST/trusts`, { trust: asked })).trust.id as string;
  };
  const pair = await keyPair();
  const now = new Date().toISOString();
  return {
    applicationCredential: ruled.id as string,
    spareApplicationCredential: (await credential()).id as string,
    accessRule: ruled.access_rules[0].id as string,
    spareAccessRule: unused.access_rules[0].id as string,
    credential: await kept(),
    spareCredential: await kept(),
    accessKey: pair.access,
    /** When, and what of that time: version 0 signs no more, and S3's first a text of any form. */
    signature: `${now} ${createHmac('sha1', pair.secret).update(now).digest('base64')}`,
    spareAccessKey: (await keyPair()).access,
    trust: await trust(),
    spareTrust: await trust(),
  };
}
