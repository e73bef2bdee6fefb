import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { NotFound, PermanentFailure } from '../../../common/errors.ts';
import { createLogger } from '../../../common/logger.ts';
import { readMasterKey } from '../../../identity/tokens/keys.ts';
import { createImageCache } from '../../image-cache/cache.ts';
import { directoryFor, remoteImage } from '../../image-cache/testing.ts';
import { atVersion, uploadImage } from '../../testing.ts';
import { getServer } from '../store.ts';
import { arrivals } from './arrivals.ts';
import { bringImage } from './carried-image.ts';
import { listenForMoves } from './road.ts';
import { getOpenMove } from './store.ts';
import { startTwoHosts } from './testing.ts';

test('a server whose image is gone takes it along to a host that has none, where it is compared with its checksum', async (t) => {
  const { cloud, settle, createServer, second } = await startTwoHosts(t);
  const { db } = cloud;
  const log = createLogger('silent');
  const imageId = await uploadImage(t, cloud, { name: 'kept while it was shelved' });
  const id = await createServer({ networks: [], imageRef: imageId });
  await settle();
  await db('compute_hosts').update({ is_disabled: false });
  await cloud.as('admin').delete(`/image/v2/images/${imageId}`);
  await cloud.settle();
  await atVersion(cloud.as('admin'), '2.80').post(`/compute/v2.1/servers/${id}/action`, { migrate: null }, 202);

  const data = Buffer.alloc(3 * 2 ** 20, 'image');
  const gone = () => Promise.reject(new NotFound('Image', imageId));
  const cacheIn = (directory: string) => createImageCache({ directory, source: gone, log });
  const [here, there] = [await directoryFor(t), await directoryFor(t)];
  const [ours, theirs] = [cacheIn(here), cacheIn(there)];
  const master = await readMasterKey(`${cloud.config.dataDir}/master.key`);
  const deps = { db, driver: second.driver, cache: theirs, hostName: 'host-2', specOf: gone };
  const road = await listenForMoves('127.0.0.1:0', master, log, arrivals(deps).answer);
  t.teardown(() => road.stop());
  const [server, move] = [await getServer(db, 'everyone', id), await getOpenMove(db, id)];
  const bring = () => bringImage({ db, master, cache: ours }, server, move, road.address);

  await t.throwsAsync(bring(), { instanceOf: PermanentFailure, message: /is gone from everywhere/ });
  await ours.take(imageId, remoteImage(data));
  await rm(join(here, imageId));
  await writeFile(join(here, imageId), Buffer.alloc(data.length, 'other'));
  await t.throwsAsync(bring(), { message: /damaged/ });
  t.deepEqual(await theirs.copies(), [], 'nothing that is not the image is kept');

  await rm(here, { recursive: true });
  const again = cacheIn(here);
  await again.take(imageId, remoteImage(data));
  const another = cacheIn(there); // which does not remember that it was damaged
  const road2 = await listenForMoves('127.0.0.1:0', master, log, arrivals({ ...deps, cache: another }).answer);
  t.teardown(() => road2.stop());
  for (let times = 0; times < 2; times += 1)
    await bringImage({ db, master, cache: again }, server, move, road2.address);
  t.true((await readFile(join(there, imageId))).equals(data));
  t.is(await another.ensure(imageId), join(there, imageId), 'servers can stand on it');
});
