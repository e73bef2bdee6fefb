import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fetchOutside } from '../../common/outgoing/fetch.ts';
import { declaredFormat } from '../images/image.ts';
import { inspected } from '../images/uploads.ts';
import { roomFor, withinRoom } from '../images/usage.ts';
import { createInspector, type DeclaredFormat, type Inspector } from '../inspection/inspector.ts';
import { DataMissing } from '../stores/store.ts';
import type { Task } from '../tasks/task.ts';
import type { Attempt } from './attempt.ts';
import { convert, targetOf } from './conversion.ts';
import type { ImportDeps } from './reconciler.ts';
import type { Imported, Importing } from './store.ts';

/** Has the data in the store when it returns, and nothing there when it throws. */
export async function takeIn(deps: ImportDeps, task: Task, image: Importing, attempt: Attempt): Promise<Imported> {
  const declared = declaredFormat(image);
  const to = targetOf(declared, deps.imports.conversion);
  const source = await openSource(deps, task, image, attempt);
  try {
    return to === null
      ? await keep(deps, image.owner, source, declared, attempt)
      : await keepConverted(deps, source, image, { declared, to }, attempt);
  } finally {
    source.destroy();
  }
}

async function keep(
  deps: ImportDeps,
  owner: string,
  data: Readable,
  declared: DeclaredFormat,
  attempt: Attempt,
): Promise<Imported> {
  const inspector = createInspector(declared);
  const accepted = counted(inspected(data, inspector, attempt), attempt);
  const stored = await deps.store.put(attempt.id, withinRoom(await roomFor(deps, owner), accepted));
  const { virtualSizeBytes } = inspector.finish();
  return { data: { ...stored, virtualSizeBytes }, diskFormat: declared.diskFormat };
}

/** Whole and accepted first, then converted, then looked at like anybody's data. */
async function keepConverted(
  deps: ImportDeps,
  source: Readable,
  { owner, stagedId }: Importing,
  { declared, to }: { declared: DeclaredFormat; to: 'qcow2' | 'raw' },
  attempt: Attempt,
): Promise<Imported> {
  const { staging, imports, log, conversionDirectory } = deps;
  const inspector = createInspector(declared, { virtualSizeBytes: imports.conversion.mostBytes });
  const outputPath = join(conversionDirectory, attempt.id);
  try {
    const inputPath = await localInput(deps, source, stagedId, inspector, attempt);
    const { virtualSizeBytes } = inspector.finish();
    const asked = { inputPath, outputPath, from: declared.diskFormat, to, signal: attempt.signal };
    await convert({ ...asked, virtualSizeBytes: virtualSizeBytes ?? 0 }, imports.conversion, log);
    const output = createReadStream(outputPath);
    try {
      return await keep(deps, owner, output, { ...declared, diskFormat: to }, attempt);
    } finally {
      output.destroy();
    }
  } finally {
    // After a crash before this line the sweep removes them.
    await rm(outputPath, { force: true });
    await staging.remove(attempt.id);
  }
}

/** The path of the data once the inspector has accepted it: what was staged stays where it is. */
async function localInput(
  { staging }: ImportDeps,
  source: Readable,
  stagedId: string | null,
  inspector: Inspector,
  attempt: Attempt,
): Promise<string> {
  const data = counted(inspected(source, inspector, attempt), attempt);
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
