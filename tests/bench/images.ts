/** How fast one API process lists images: the 50 of a project, and a page of 10,000 that is filtered and sorted. */
import { openDatabase } from '../../common/database/database.ts';
import { logIn } from '../../host/seed/client.ts';
import { personas } from '../personas.ts';
import type { Figure } from './figures.ts';
import { inWords, measure } from './measure.ts';
import { startSimulatedCloud } from './simulated-cloud.ts';

const few = { project: personas.member.project, count: 50 };
const many = 10_000;

export async function measureImages(): Promise<Figure[]> {
  const cloud = await startSimulatedCloud(fillWithImages);
  try {
    const figures: Figure[] = [];
    const { url, token, filled } = cloud;
    const member = await logIn(url, { user: 'member', password: personas.member.password, project: few.project });
    for (const [what, query, as, connections, target] of [
      [`GET /v2/images?limit=50, of the ${few.count} of a project`, 'limit=50', member.token, 8, '2,000 requests/s'],
      [`the same, by one client`, 'limit=50', member.token, 1, undefined],
      ['the same, asked for by an administrator', `owner=${member.projectId}&limit=50`, token, 8, '2,000 requests/s'],
      [`a page of 100 of ${many}, filtered and sorted`, pageOf100, token, 1, 'p99 below 30 ms'],
      ['the page after 2,500 of those', `${pageOf100}&marker=${filled}`, token, 1, 'p99 below 30 ms'],
    ] as const) {
      const asks = [{ url: `${url}/image/v2/images?${query}`, headers: { 'x-auth-token': as } }];
      const measured = await measure(cloud.cpuMs, { asks, connections });
      figures.push({ what, value: inWords(measured), ...(target !== undefined && { target }) });
    }
    return figures;
  } finally {
    await cloud.stop();
  }
}

const pageOf100 = 'owner=many&status=queued&disk_format=in:raw,qcow2&tag=even&sort=name:asc,size:desc&limit=100';

/** @returns the id of one in the midst of the many. */
async function fillWithImages(_: string, databaseUrl: string): Promise<string> {
  const db = openDatabase(databaseUrl);
  try {
    const { id: project } = await db('projects').where({ name: few.project }).first('id');
    for (const [owner, count] of [
      [project, few.count],
      ['many', many],
    ])
      await db.raw(
        `insert into images (owner, name, disk_format, container_format, visibility, tags, properties, created_at)
         select :owner, 'image-' || md5(i::text), case when i % 3 = 0 then 'raw' else 'qcow2' end, 'bare', 'shared',
                case when i % 2 = 0 then array['even', 'numbered'] else array['numbered'] end,
                jsonb_build_object('os_distro', 'debian', 'number', i::text), now() - make_interval(secs => i)
         from generate_series(1, :count::int) as i`,
        { owner, count },
      );
    const even = db('images').where({ owner: 'many' }).whereRaw(`tags @> '{even}'`);
    return (await even.orderBy('sort_name').offset(2500).first('id')).id;
  } finally {
    await db.destroy();
  }
}
