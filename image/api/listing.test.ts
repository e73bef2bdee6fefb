import test from 'ava';
import { startTestCloud } from '../../tests/cloud.ts';
import { images, patch } from '../testing.ts';

test('what is asked for most is what every other way of asking finds, page by page', async (t) => {
  const cloud = await startTestCloud(t);
  const [admin, member, stranger] = [cloud.as('admin'), cloud.as('member'), cloud.as('stranger')];
  const makers = [admin, member, stranger];
  for (let i = 0; i < 36; i++) {
    const visibility = ['shared', 'private', 'community', i % 3 === 0 ? 'public' : 'shared'][i % 4]!;
    const { id } = await makers[i % 3]!.post(images, { name: `image ${i}`, visibility, os_hidden: i % 7 === 0 });
    if (i % 3 !== 2 || visibility !== 'shared') continue;
    await stranger.post(`${images}/${id}/members`, { member: member.projectId }, 200);
    const status = ['accepted', 'rejected', 'pending'][i % 5] ?? 'accepted';
    await member.put(`${images}/${id}/members/${member.projectId}`, { status }, 200);
  }
  const other = 'created_at=gte:2000-01-01T00:00:00Z'; // all of them, by a statement of its own
  for (const client of makers)
    for (const asked of ['limit=5', 'limit=100', 'os_hidden=true', `owner=${member.projectId}&limit=5`, 'limit=0']) {
      const found = await client.get(`${images}?${asked}`);
      const same = await client.get(`${images}?${asked}&${other}`);
      t.deepEqual(found.images, same.images, asked);
      t.is(found.next, same.next?.replace(`&${encodeURI(other).replaceAll(':', '%3A')}`, ''), asked);
    }
  t.true((await member.get(`${images}?limit=100`)).images.length > 12);
});

test('a list shows what was changed before it was asked for, whoever changed it', async (t) => {
  const cloud = await startTestCloud(t);
  const member = cloud.as('member');
  const { id } = await member.post(images, { name: 'one', owner_specified: 'ä "quoted" \u2028 \\' });
  await member.post(images, { name: 'other' });
  const shown = async () => (await member.get(images)).images.find((image: { id: string }) => image.id === id);
  t.deepEqual(await shown(), await member.get(`${images}/${id}`));
  t.deepEqual(await shown(), await member.get(`${images}/${id}`), 'the second time from memory');
  await patch(member, id, [{ op: 'replace', path: '/name', value: 'changed' }]);
  t.is((await shown()).name, 'changed');
  await cloud.db('images').where({ id }).update({ name: 'by another process' });
  t.is((await shown()).name, 'by another process');
  await member.delete(`${images}/${id}`);
  t.is(await shown(), undefined);
});
