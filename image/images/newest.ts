import type { Visible } from '../../common/context.ts';
import { type Knex, preparedQuery } from '../../common/database/database.ts';
import type { SortKey } from '../../common/database/page.ts';
import type { PageRequest } from '../../common/http/page.ts';
import type { ImageFilter, RowVersion } from './listing.ts';

type NewestPage = (db: Knex) => Promise<{ versions: RowVersion[]; more: boolean }>;

/**
 * The lists that are asked for most, each as a statement that is planned once: the newest of all that a project finds, and for
 * administrators the newest of one project or of all. Undefined for any other list.
 */
export function newestListed(
  visible: Visible,
  filter: ImageFilter,
  { limit, marker }: PageRequest,
  keys: SortKey[],
): NewestPage | undefined {
  if (marker !== undefined || !isNewestFirst(keys) || !isPlain(filter)) return undefined;
  const owner = ownerOf(filter);
  if (visible !== 'everyone') {
    if (filter.oneOf.length > 0 || filter.memberStatus !== 'accepted') return undefined;
    return (db) => select(db, 'found', { projectId: visible.projectId, isHidden: filter.isHidden, limit });
  }
  if (owner !== undefined) return (db) => select(db, 'owned', { projectId: owner, isHidden: filter.isHidden, limit });
  return filter.oneOf.length === 0 ? (db) => select(db, 'all', { isHidden: filter.isHidden, limit }) : undefined;
}

function isNewestFirst(keys: SortKey[]): boolean {
  const [first, second] = keys;
  const isNewest = first?.column === 'created_at' && first.direction === 'desc';
  return isNewest && (second === undefined || (second.column === 'id' && second.direction === 'desc'));
}

/** Filters by nothing else than the owner and whether an image is hidden. */
function isPlain({ visibility, isProtected, comparisons, tags, properties }: ImageFilter): boolean {
  const isAnyVisibility = visibility === undefined;
  const count = comparisons.length + tags.length + Object.keys(properties).length;
  return isAnyVisibility && isProtected === undefined && count === 0;
}

/** The one owner that it asks for, and for nothing else. */
function ownerOf({ oneOf }: ImageFilter): string | undefined {
  const [only] = oneOf;
  return oneOf.length === 1 && only?.column === 'owner' && only.values.length === 1 ? only.values[0] : undefined;
}

const columns = 'images.id, images.xmin, images.created_at';
const live = 'images.deletion_requested_at is null and images.is_hidden = :isHidden';
const inOrder = 'order by created_at desc, id desc limit :limit';

const owned = `select ${columns} from images where ${live} and images.owner = :projectId ${inOrder}`;

/** Each part has an index in its own order; the whole has none, and PostgreSQL would read everything that others made since. */
const found = [
  owned,
  `select ${columns} from images
   where ${live} and images.visibility = 'public' and images.owner <> :projectId ${inOrder}`,
  `select ${columns} from image_members join images on images.id = image_members.image_id
   where ${live} and images.visibility = 'shared' and images.owner <> :projectId
     and image_members.project_id = :projectId and image_members.status = 'accepted' ${inOrder}`,
]
  .map((part) => `(${part})`)
  .join(' union all ');

const statements = { owned, found, all: `select ${columns} from images where ${live} ${inOrder}` };

async function select(
  db: Knex,
  form: keyof typeof statements,
  values: { projectId?: string; isHidden: boolean; limit: number },
): Promise<{ versions: RowVersion[]; more: boolean }> {
  const sql = `select id, xmin::text as version from (${statements[form]}) as images ${inOrder}`;
  const { limit } = values;
  const { rows } = await preparedQuery(db, `image list ${form}`, sql, { ...values, limit: limit + 1 });
  return { versions: rows.slice(0, limit), more: rows.length > limit && limit > 0 };
}
