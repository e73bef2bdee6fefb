/** What `buildDashboard` made, and how it is handed out. */
import { join } from 'node:path';
import type { Request, ResponseObject, ResponseToolkit } from '@hapi/hapi';
import { Unavailable } from '../common/errors.ts';
import { readFiles, type StaticFile } from './files.ts';

export interface Bundle {
  /** Undefined when there is no such file. Throws `Unavailable` where the bundle was not made. */
  find(name: string): Promise<StaticFile | undefined>;
  /** One that is in every bundle. */
  page(name: 'index.html' | 'vnc.html' | 'serial.html'): Promise<StaticFile>;
}

/** Reads nothing before it is first asked: a cloud without anybody at its dashboard has no use for it. */
export function openBundle(dist = join(import.meta.dirname, 'dist')): Bundle {
  let reading: Promise<Map<string, StaticFile>> | undefined;
  const find = async (name: string) => {
    reading ??= readFiles(dist);
    try {
      return (await reading).get(name);
    } catch (cause) {
      reading = undefined;
      throw new Unavailable('The dashboard is not built: dashboard/build.ts makes it.', { cause });
    }
  };
  return {
    find,
    async page(name) {
      const page = await find(name);
      if (page === undefined) throw new Unavailable('The dashboard is not built whole: dashboard/build.ts makes it.');
      return page;
    },
  };
}

/** Compressed for who takes that, and not at all for who has it. */
export function answerFile(
  request: Request,
  h: ResponseToolkit,
  file: StaticFile,
  { cache, headers }: { cache: string; headers: Record<string, string> },
): ResponseObject {
  const zipped = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const response = h.response(zipped ? file.gzipped : file.bytes).type(file.type);
  for (const [name, value] of Object.entries(headers)) response.header(name, value);
  if (zipped) response.header('content-encoding', 'gzip');
  return response
    .etag(zipped ? `${file.etag}-gzip` : file.etag)
    .header('vary', 'accept-encoding')
    .header('cache-control', cache);
}
