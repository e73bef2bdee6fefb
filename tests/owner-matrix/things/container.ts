import type { Making } from '../things.ts';

const path = '/container/v1/containers';
const version = { 'openstack-api-version': 'container 1.39' };

export async function makeContainerThings(
  { cloud, owner, mark }: Making,
  ground: { containerImage: string; network: string },
) {
  const nets = [{ network: ground.network }];
  const make = async (name: string, run: boolean): Promise<string> => {
    const body = { name: `${name}-${mark}`, image: ground.containerImage, nets, cpu: 1, memory: 64 };
    const answer = await owner.request({ method: 'POST', path: `${path}?run=${run}`, body, headers: version });
    if (answer.status !== 202) throw new Error(`cannot make a container: ${answer.status} ${answer.text}`);
    return answer.body.uuid;
  };
  const things = {
    container: await make('container', true),
    containerName: `container-${mark}`,
    stoppedContainer: await make('stopped', false),
    spareContainer: await make('spare', false),
  };
  await cloud.settle();
  return things;
}
