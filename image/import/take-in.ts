import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { OverQuota, Unavailable } from '../../common/errors.ts';
import { fetchOutside } from '../../common/outgoing/fetch.ts';
import { declaredFormat } from '../images/image.ts';
import { inspected } from '../images/uploads.ts';
import { roomFor, withinRoom } from '../images/usage.ts';
import { createInspector, type DeclaredFormat, type Inspector } from '../inspection/inspector.ts';
import { DataMissing } from '../stores/store.ts';
import type { Task } from '../tasks/task.ts';
import type { Attempt } from './attempt.ts';
import { convert, targetOf } from './conversion.ts';
import { copyData, targetStore } from './copying.ts';
import type { ImportDeps } from './reconciler.ts';
import { type Imported, type Importing, tellStored } from './store.ts';

type Open = () => Promise<Readable>;

/**
 * Has the data in the stores that it names when it returns: in all of the task's where all must succeed, otherwise in one. What it
 * leaves when it throws is under the attempt's id.
 */
export async function takeIn(deps: ImportDeps, task: Task, image: Importing, attempt: Attempt): Promise<Imported> {
  const declared = declaredFormat(image);
  const to = targetOf(declared, deps.imports.conversion);
  const open = () => openSource(deps, task, image, attempt);
  if (to === null) return await keep(deps, task, image.owner, open, declared, attempt);
  return await keepConverted(deps, task, open, image, { declared, to }, attempt);
}

async function keep(
  deps: ImportDeps,
  task: Task,
  owner: string,
  open: Open,
  declared: DeclaredFormat,
  attempt: Attempt,
): Promise<Imported> {
  const { first, data } = await keepInOne(deps, task, owner, open, declared, attempt);
  const imported = { data, diskFormat: declared.diskFormat, stores: [first] };
  if (!task.allStoresMustSucceed) return imported;
  await tellStored(deps.db, task, attempt.id, first);
  for (const store of task.stores.filter((id) => id !== first)) {
    await copyData(deps, [{ store: first, dataId: attempt.id }], data, store, attempt);
    await tellStored(deps.db, task, attempt.id, store);
    imported.stores.push(store);
  }
  return imported;
}

/** The first of the stores or, where not all must succeed, of those that can take it. */
async function keepInOne(
  deps: ImportDeps,
  task: Task,
  owner: string,
  open: Open,
  declared: DeclaredFormat,
  attempt: Attempt,
): Promise<{ first: string; data: Imported['data'] }> {
  const candidates = task.allStoresMustSucceed ? task.stores.slice(0, 1) : task.stores;
  const copies = task.allStoresMustSucceed ? task.stores.length : 1;
  const room = await roomFor(deps, owner);
  let failure: unknown;
  for (const first of candidates) {
    const source = await open();
    try {
      const inspector = createInspector(declared, deps.inspection);
      const accepted = counted(inspected(source, inspector, attempt, { mostBytes: deps.imageSizeCap }), attempt);
      const shared = room && Math.floor(room / copies);
      const stored = await targetStore(deps.stores, first).put(attempt.id, withinRoom(shared, accepted));
      return { first, data: { ...stored, virtualSizeBytes: inspector.finish().virtualSizeBytes } };
    } catch (error) {
      failure = error;
      if (!(error instanceof Unavailable || error instanceof OverQuota)) break;
    } finally {
      source.destroy();
    }
  }
  throw failure;
}

/** Whole and accepted first, then converted, then looked at like anybody's data. */
async function keepConverted(
  deps: ImportDeps,
  task: Task,
  open: Open,
  { owner, stagedId }: Importing,
  { declared, to }: { declared: DeclaredFormat; to: 'qcow2' | 'raw' },
  attempt: Attempt,
): Promise<Imported> {
  const { staging, imports, log, conversionDirectory } = deps;
  const inspector = createInspector(declared, {
    virtualSizeBytes: Math.min(imports.conversion.mostBytes, deps.inspection.virtualSizeBytes),
  });
  const outputPath = join(conversionDirectory, attempt.id);
  const source = await open();
  try {
    const inputPath = await localInput(deps, source, stagedId, inspector, attempt);
    const { virtualSizeBytes } = inspector.finish();
    const asked = { inputPath, outputPath, from: declared.diskFormat, to, signal: attempt.signal };
    await convert({ ...asked, virtualSizeBytes: virtualSizeBytes ?? 0 }, imports.conversion, log);
    const converted = async () => createReadStream(outputPath);
    return await keep(deps, task, owner, converted, { ...declared, diskFormat: to }, attempt);
  } finally {
    source.destroy();
    // After a crash before this line the sweep removes them.
    await rm(outputPath, { force: true });
    await staging.remove(attempt.id);
  }
}

/** The path of the data once the inspector has accepted it: what was staged stays where it is. */
async function localInput(
  { staging, imageSizeCap }: ImportDeps,
  source: Readable,
  stagedId: string | null,
  inspector: Inspector,
  attempt: Attempt,
): Promise<string> {
  const data = counted(inspected(source, inspector, attempt, { mostBytes: imageSizeCap }), attempt);
  if (stagedId === null) await staging.put(attempt.id, data);
  else for await (const _ of data);
  const path = await staging.localPath(stagedId ?? attempt.id);
  if (path === undefined) throw new DataMissing('The data to convert is gone.');
  return path;
}

async function openSource(
  { staging, imports }: ImportDeps,
  { method }: Task,
  { stagedId }: Importing,
  { signal }: Attempt,
): Promise<Readable> {
  if (method.name === 'web-download') return (await fetchOutside(method.uri, imports.outgoing, { signal })).body;
  if (stagedId === null) throw new DataMissing('Nothing is staged.');
  return await staging.open(stagedId);
}

async function* counted(data: AsyncIterable<Buffer>, attempt: Attempt): AsyncGenerator<Buffer> {
  for await (const chunk of data) {
    attempt.count(chunk.length);
    yield chunk;
  }
}
