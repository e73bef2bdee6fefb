/** The grammar of what registry clients name: https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md */

/** A manifest or blob of SHA-256, the one algorithm that is served. */
const digestForm = /^sha256:[0-9a-f]{64}$/;
const tagForm = /^\w[\w.-]{0,127}$/;
const segment = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const nameForm = new RegExp(`^${segment}(?:/${segment})+$`);

/** The specification's own advice, which clients hold themselves to. */
const longestName = 255;

export const isDigest = (text: string): boolean => digestForm.test(text);
export const isTag = (text: string): boolean => tagForm.test(text);

/** A repository as clients write it: `PROJECT/NAME`, where NAME may go on with slashes. */
export interface FullName {
  /** As it was written. */
  text: string;
  /** A project's id, or its name. */
  project: string;
  /** Below the project. */
  name: string;
}

/** Undefined for what cannot be the name of a repository. */
export function parseName(text: string): FullName | undefined {
  if (text.length > longestName || !nameForm.test(text)) return undefined;
  const slash = text.indexOf('/');
  return { text, project: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** What a path below `/v2/` is about. */
export type Place =
  | { kind: 'base' }
  | { kind: 'catalog' }
  | { kind: 'uploads'; repository: string }
  | { kind: 'tags'; repository: string }
  | { kind: 'upload'; repository: string; id: string }
  | { kind: 'blob'; repository: string; digest: string }
  | { kind: 'referrers'; repository: string; digest: string }
  | { kind: 'manifest'; repository: string; reference: string };

/** Undefined where the specification has nothing. Names and digests in it are as the client wrote them, good or bad. */
export function parsePlace(path: string): Place | undefined {
  if (path === '') return { kind: 'base' };
  if (path === '_catalog') return { kind: 'catalog' };
  const parts = path.split('/');
  const [last = '', before = '', third = ''] = parts.toReversed();
  const upTo = (count: number) => parts.slice(0, -count).join('/');
  if (before === 'blobs' && last === 'uploads') return { kind: 'uploads', repository: upTo(2) };
  if (before === 'uploads' && third === 'blobs') return { kind: 'upload', repository: upTo(3), id: last };
  if (before === 'blobs') return { kind: 'blob', repository: upTo(2), digest: last };
  if (before === 'manifests') return { kind: 'manifest', repository: upTo(2), reference: last };
  if (before === 'tags' && last === 'list') return { kind: 'tags', repository: upTo(2) };
  if (before === 'referrers') return { kind: 'referrers', repository: upTo(2), digest: last };
  return undefined;
}
