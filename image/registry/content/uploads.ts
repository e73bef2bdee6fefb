/** Uploads of blobs under way. What has come of one counts for its project until it is finished or given up. */
import type { Readable } from 'node:stream';
import type { Knex } from '../../../common/database/database.ts';
import { notify } from '../../../common/database/notifications.ts';
import { Unavailable } from '../../../common/errors.ts';
import { isUuid } from '../../../common/ids.ts';
import type { RegistryDeps } from '../deps.ts';
import { OciError } from '../errors.ts';
import { isDigest } from '../names.ts';
import { projectHas, putBlob } from './blobs.ts';
import { checkSpace, lockContent } from './bytes.ts';
import { keepRepository, type Repository } from './repositories.ts';
import { briefly, openGate, withUpstream } from './transactions.ts';
import { checkRoom, noRoom, roomForUpload } from './usage.ts';

export interface Upload {
  id: string;
  location: string;
  receivedBytes: number;
}

/** Docker has five at a time; each takes a directory. */
const mostOfProject = 500;
const beatMs = 2000;
/** A client may pause for so long. */
const idleMs = 5 * 60_000;

/** Throws `OciError` when the project has too many already. */
export async function startUpload({ db, upstream }: RegistryDeps, repository: Repository): Promise<Upload> {
  const open = await db('registry_uploads as u')
    .join('registry_repositories as r', 'r.id', 'u.repository_id')
    .where('r.project_id', repository.projectId)
    .count({ count: '*' })
    .first();
  if (Number(open?.count) >= mostOfProject)
    throw new OciError('TOOMANYREQUESTS', `The project has ${mostOfProject} uploads under way; end some first.`);
  const location = await upstream.startUpload(repository.id);
  return await db.transaction(async (trx) => {
    await keepRepository(trx, repository.id);
    const [row] = await trx('registry_uploads').insert({ repository_id: repository.id, location }).returning('id');
    return { id: row.id, location, receivedBytes: 0 };
  });
}

/** Throws `OciError` BLOB_UPLOAD_UNKNOWN. */
export async function getUpload(db: Knex, repositoryId: string, id: string): Promise<Upload> {
  const row = isUuid(id)
    ? await db('registry_uploads').where({ id, repository_id: repositoryId, is_over: false }).first()
    : undefined;
  if (row === undefined) throw new OciError('BLOB_UPLOAD_UNKNOWN', 'There is no such upload.');
  return { id: row.id, location: row.location, receivedBytes: row.received_bytes };
}

/** Uploads that this process is taking data for; at two places at once it would be mixed up. */
const busy = new Set<string>();

/**
 * Takes more of an upload. However that fails, the upload is over: the registry server takes none further that was cut off.
 * @param from where the client says that its data goes; undefined: at the end.
 */
export async function appendToUpload(
  deps: RegistryDeps,
  repository: Repository,
  upload: Upload,
  body: Readable,
  from?: number,
): Promise<Upload> {
  const { db, upstream, region } = deps;
  if (busy.has(upload.id)) throw new OciError('BLOB_UPLOAD_INVALID', 'Data is coming for this upload already.');
  busy.add(upload.id);
  try {
    if (from !== undefined && from !== upload.receivedBytes)
      throw new OciError('RANGE_INVALID', `This upload goes on at byte ${upload.receivedBytes}.`);
    const room = await roomForUpload({ db, region }, repository.projectId, upload.id, { isComing: false });
    const meter = measure(deps, repository, upload, body, room);
    try {
      const location = await upstream.append(upload.location, meter.data());
      const now = { ...upload, location, receivedBytes: upload.receivedBytes + meter.received() };
      const count = await db('registry_uploads')
        .where({ id: upload.id, is_over: false })
        .update({ location, received_bytes: now.receivedBytes, seen_at: db.fn.now(3) });
      if (count === 0) throw new OciError('BLOB_UPLOAD_UNKNOWN', 'There is no such upload any more.');
      return now;
    } catch (error) {
      meter.stop();
      await cancelUpload(deps, { ...upload, receivedBytes: upload.receivedBytes + meter.received() });
      throw error;
    } finally {
      meter.stop();
    }
  } finally {
    busy.delete(upload.id);
  }
}

/** One upload after the other looks for its room, however many there are. */
const looks = openGate(1, 60_000);

/** Counts what comes, tells the database of it, and ends it when it is too much or nothing comes any more. */
function measure(
  { db, region, hasRoom, log }: RegistryDeps,
  { projectId }: Repository,
  upload: Upload,
  body: Readable,
  roomAtFirst: number | undefined,
) {
  let room = roomAtFirst;
  let received = 0;
  let heardAt = Date.now();
  let isBeating = false;
  const beat = async () => {
    await db('registry_uploads')
      .where({ id: upload.id })
      .update({
        received_bytes: db.raw('greatest(received_bytes, ?)', [upload.receivedBytes + received]),
        seen_at: db.fn.now(3),
      });
    await looks.enter();
    try {
      room = await roomForUpload({ db, region }, projectId, upload.id, { isComing: true });
    } finally {
      looks.leave();
    }
  };
  const timer = setInterval(() => {
    if (Date.now() - heardAt > idleMs)
      body.destroy(new OciError('BLOB_UPLOAD_INVALID', 'The upload was given up: no data came for minutes.'));
    if (isBeating) return;
    isBeating = true;
    beat()
      .catch((err) => log.warn({ err, upload: upload.id }, 'cannot say that an upload lives'))
      .finally(() => {
        isBeating = false;
      });
  }, beatMs);
  return {
    received: () => received,
    stop: () => clearInterval(timer),
    async *data(): AsyncGenerator<Buffer> {
      // Not destroyed on an early end: that would close the connection before the client has read why.
      const chunks = body.iterator({ destroyOnReturn: false });
      for (;;) {
        const next = await chunks.next().catch((error) => {
          if (error instanceof OciError) throw error;
          const message = 'The upload ended before all of its data had come.';
          throw new OciError('BLOB_UPLOAD_INVALID', message, { cause: error });
        });
        if (next.done) return;
        heardAt = Date.now();
        received += next.value.length;
        if (room !== undefined && upload.receivedBytes + received > room) throw noRoom(room);
        await checkSpace({ hasRoom }, next.value.length);
        yield next.value;
      }
    },
  };
}

/** Makes a blob of what has come. Throws `OciError` DIGEST_INVALID when it is not that, DENIED when there is no room for it. */
export async function finishUpload(
  deps: RegistryDeps,
  repository: Repository,
  upload: Upload,
  digest: string,
): Promise<void> {
  if (!isDigest(digest)) throw new OciError('DIGEST_INVALID', 'A digest is sha256: and 64 hexadecimal digits.');
  const { db, upstream, region } = deps;
  if (busy.has(upload.id)) throw new OciError('BLOB_UPLOAD_INVALID', 'Data is coming for this upload yet.');
  try {
    await withUpstream(db, async (trx) => {
      await keepRepository(trx, repository.id);
      // What has come becomes the blob, so that it is not counted twice.
      const count = await trx('registry_uploads').where({ id: upload.id, is_over: false }).delete();
      if (count === 0) throw new OciError('BLOB_UPLOAD_UNKNOWN', 'There is no such upload any more.');
      const more = (await projectHas(trx, repository.projectId, digest)) ? 0 : upload.receivedBytes;
      await checkRoom({ db: trx, region }, repository.projectId, more);
      await lockContent(trx, digest);
      await upstream.finishUpload(upload.location, digest);
      const sizeBytes = await upstream.sizeOfBlob(repository.id, digest);
      if (sizeBytes === undefined) throw new Error(`blob ${digest} is not there after its upload`);
      await putBlob(trx, repository.id, { digest, sizeBytes });
    });
  } catch (error) {
    // When the registry server answers again, this may be asked again.
    if (!(error instanceof Unavailable)) await cancelUpload(deps, upload);
    throw error;
  }
}

/** Gives it up. Where the registry server keeps its bytes it counts for its project until the loop has removed them. */
export async function cancelUpload(
  { db, upstream, log }: Pick<RegistryDeps, 'db' | 'upstream' | 'log'>,
  { id, location, receivedBytes }: Upload,
): Promise<void> {
  try {
    const over = { is_over: true, received_bytes: receivedBytes };
    await briefly(db, async (trx) => trx('registry_uploads').where({ id }).update(over));
    if (await upstream.cancelUpload(location)) await db('registry_uploads').where({ id }).delete();
    else await notify(db, 'registry-uploads', id);
  } catch (err) {
    log.warn({ err, upload: id }, 'an upload is left to the loop');
  }
}
