import type { Reconciler } from '../../../common/reconcile/loop.ts';
import { withdrawImages } from '../images/withdraw.ts';
import {
  type GarbageDeps,
  lostUploads,
  removeRepository,
  removeUpload,
  sweepContent,
  sweepUnreferenced,
} from './garbage.ts';

/** How often everything that is stored is looked at; until then nobody misses the room. */
const contentEveryMs = 10 * 60_000;

/** Makes the registry hold what the repositories of the projects there are have, and nothing else. */
export function repositoryReconciler(deps: GarbageDeps, { contentEvery = contentEveryMs } = {}): Reconciler {
  const { db, log } = deps;
  let contentAt = -Infinity;
  return {
    name: 'registry-repositories',
    pending: (limit) =>
      db('registry_repositories')
        .whereNotNull('deletion_requested_at')
        .orderBy('deletion_requested_at')
        .limit(limit)
        .pluck('id'),
    async reconcile(id) {
      const row = await db('registry_repositories').where({ id }).whereNotNull('deletion_requested_at').first('id');
      if (row === undefined) return;
      await db.transaction(async (trx) => {
        await trx('registry_tags').where({ repository_id: id }).delete();
        await withdrawImages(trx, id, { force: true });
      });
      await removeRepository(deps, id);
    },
    async sweep() {
      const orphans: string[] = await db('registry_repositories as r')
        .whereNull('r.deletion_requested_at')
        .whereNotExists((projects) => projects.from('projects').whereRaw('projects.id = r.project_id'))
        .update({ deletion_requested_at: db.fn.now(3) })
        .returning('r.id')
        .then((rows: { id: string }[]) => rows.map(({ id }) => id));
      await db('registry_projects as s')
        .whereNotExists((projects) => projects.from('projects').whereRaw('projects.id = s.project_id'))
        .delete();
      const removed = await sweepUnreferenced(deps);
      if (performance.now() - contentAt > contentEvery) {
        const content = await sweepContent(deps);
        contentAt = performance.now();
        if (removed + content.length > 0) log.info({ blobs: removed, content: content.length }, 'registry swept');
      }
      return orphans;
    },
  };
}

/** Makes the registry server keep nothing of uploads that nobody goes on with. */
export function uploadReconciler(deps: GarbageDeps): Reconciler {
  return {
    name: 'registry-uploads',
    pending: (limit) => lostUploads(deps).orderBy('seen_at').limit(limit).pluck('id'),
    reconcile: (id) => removeUpload(deps, id),
  };
}
