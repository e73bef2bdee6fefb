import type { Making } from '../things.ts';
import { publicKey } from './public-key.ts';

const v21 = '/compute/v2.1';

interface Ground {
  flavor: string;
  project: string;
  image: string;
  network: string;
}

export async function makeComputeThings({ cloud, admin, owner, mark }: Making, ground: Ground) {
  const flavor = async (id: string, isPublic: boolean): Promise<string> => {
    const fields = { id, name: id, ram: 64, vcpus: 1, disk: 1, 'os-flavor-access:is_public': isPublic };
    return (await admin.post(`${v21}/flavors`, { flavor: fields }, 200)).flavor.id;
  };
  const keypair = async (name: string): Promise<string> =>
    (await owner.post(`${v21}/os-keypairs`, { keypair: { name, public_key: publicKey } }, 200)).keypair.name;
  const server = async (name: string): Promise<string> => {
    const networks = [{ uuid: ground.network }];
    const { image: imageRef, flavor: flavorRef } = ground;
    const fields = { name: `${name}-${mark}`, imageRef, flavorRef, networks, metadata: { color: `blue-${mark}` } };
    return (await owner.post(`${v21}/servers`, { server: fields }, 202)).server.id;
  };
  const things = {
    privateFlavor: await flavor(`private-flavor-${mark}`, false),
    spareFlavor: await flavor(`spare-flavor-${mark}`, false),
    keypair: await keypair(`keypair-${mark}`),
    spareKeypair: await keypair(`spare-keypair-${mark}`),
    server: await server('server'),
    spareServer: await server('spare'),
    secondSpareServer: await server('second'),
  };
  const access = { addTenantAccess: { tenant: ground.project } };
  await admin.post(`${v21}/flavors/${things.privateFlavor}/action`, access, 200);
  await cloud.settle();
  const { instanceActions } = await owner.get(`${v21}/servers/${things.server}/os-instance-actions`);
  return { ...things, serverAction: instanceActions[0].request_id as string };
}
