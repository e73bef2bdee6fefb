/** The `glance` client's commands for the images on hosts. It wants to be told which server's cache it is about. */
import test from 'ava';
import { until } from '../../image/testing.ts';
import { startClientCloud } from '../conformance/cloud.ts';
import { startGlance } from './glance.ts';

test('images are brought to hosts beforehand and taken from them again', async (t) => {
  t.timeout(90_000);
  const cloud = await startClientCloud(t);
  const { admin, member } = startGlance(t, cloud.url);
  const endpoint = `${cloud.url}/image`;
  const cache = (command: string, ...args: string[]) => admin('--os-image-url', [endpoint, command, ...args]);
  const create = ['--disk-format', 'raw', '--container-format', 'bare', '--file', import.meta.filename];
  const made = await member('image-create', create);
  const id = made.match(/^\| id +\| (\S+) +\|$/m)?.[1] ?? '';
  const isListed = async (state: string) =>
    new RegExp(`^\\| ${id} +\\| ${state} `, 'm').test(await cache('cache-list'));

  await until(async () => {
    await cache('cache-queue', id); // no host has reported at first
    return (await isListed('queued')) || (await isListed('cached'));
  });
  await until(() => isListed('cached'));
  await cache('cache-delete', id);
  t.false(await isListed('cached'));
  await cache('cache-queue', id);
  await until(() => isListed('cached'));
  await cache('cache-clear', '--target', 'cache');
  t.false(await isListed('cached'));
  await cache('cache-queue', id);
  await cache('cache-clear', '--target', 'queue');
  t.false(await isListed('queued'));
  await cache('cache-clear');
  await t.throwsAsync(member('--os-image-url', [endpoint, 'cache-list']), { message: /cache_list/ });
  t.deepEqual(cloud.errors(), []);
});
