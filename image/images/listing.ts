import type { Visible } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { type SortKey, selectPage } from '../../common/database/page.ts';
import { BadRequest } from '../../common/errors.ts';
import type { PageRequest } from '../../common/http/page.ts';
import { isUuid } from '../../common/ids.ts';
import type { Image, Visibility } from './image.ts';
import { newestListed } from './newest.ts';
import { fromRow, type ImageRow, liveImages } from './store.ts';

export type MemberStatus = 'pending' | 'accepted' | 'rejected';

export interface ImageFilter {
  /** `all` adds the community's; absent leaves out what the community offers and the caller did not make. */
  visibility?: Visibility | 'all';
  /** Which answers of the caller's project to a share count. */
  memberStatus: MemberStatus | 'all';
  isHidden: boolean;
  isProtected?: boolean;
  /** Column to the values it may have. */
  oneOf: { column: ListColumn; values: string[] }[];
  comparisons: {
    column: NumberColumn | 'created_at' | 'updated_at';
    operator: '<' | '<=' | '>' | '>=' | '=' | '<>';
    value: number | Date;
  }[];
  /** All of them. */
  tags: string[];
  /** Exactly these values. */
  properties: Record<string, string>;
}

export type ListColumn = 'id' | 'name' | 'status' | 'owner' | 'disk_format' | 'container_format' | 'md5' | 'sha512';

export type NumberColumn = 'size_bytes' | 'virtual_size_bytes' | 'min_disk_gib' | 'min_ram_mib';

/** What a list may be sorted by, as the API names it. */
export const sortColumns = {
  id: 'id',
  name: 'sort_name',
  status: 'status',
  disk_format: 'sort_disk_format',
  container_format: 'sort_container_format',
  size: 'sort_size',
  created_at: 'created_at',
  updated_at: 'updated_at',
};

export const newestFirst: SortKey[] = [
  { column: 'created_at', direction: 'desc' },
  { column: 'id', direction: 'desc' },
];

/** What a row said when it was read: whoever changes the row changes its version, and nothing else does. */
export interface RowVersion {
  id: string;
  version: string;
}

/** The transaction that wrote the row. What is shown of an image is made of its row alone, or has to be told apart here too. */
const version = 'images.xmin::text as version';

/** One page of the images that a project finds without knowing their ids. */
export async function listImages(
  db: Knex,
  visible: Visible,
  filter: ImageFilter,
  page: PageRequest,
  keys: SortKey[],
): Promise<{ images: Image[]; more: boolean }> {
  const query = listedImages(db, visible, filter).select('images.*');
  const { rows, more } = await selectListed<ImageRow>(query, page, keys);
  return { images: rows.map(fromRow), more };
}

/** The same page, for those who may know its images already by their versions. */
export async function listVersions(
  db: Knex,
  visible: Visible,
  filter: ImageFilter,
  page: PageRequest,
  keys: SortKey[],
): Promise<{ versions: RowVersion[]; more: boolean }> {
  const newest = newestListed(visible, filter, page, keys);
  if (newest !== undefined) return await newest(db);
  const query = listedImages(db, visible, filter).select('images.id', db.raw(version));
  const { rows, more } = await selectListed<RowVersion>(query, page, keys);
  return { versions: rows, more };
}

/** Those of the ids that the list still has, by id. */
export async function readListed(
  db: Knex,
  visible: Visible,
  filter: ImageFilter,
  ids: string[],
): Promise<Map<string, { image: Image; version: string }>> {
  const rows: (ImageRow & RowVersion)[] = await listedImages(db, visible, filter)
    .whereRaw('images.id = any(?::uuid[])', [ids])
    .select('images.*', db.raw(version));
  return new Map(rows.map((row) => [row.id, { image: fromRow(row), version: row.version }]));
}

async function selectListed<Row extends object>(query: Knex.QueryBuilder, page: PageRequest, keys: SortKey[]) {
  if (page.marker !== undefined && !isUuid(page.marker)) throw new BadRequest(`marker [${page.marker}] not found`);
  return await selectPage<Row>(query, page, keys);
}

function listedImages(db: Knex, visible: Visible, filter: ImageFilter): Knex.QueryBuilder {
  const query: Knex.QueryBuilder = liveImages(db).where('is_hidden', filter.isHidden);
  whereListed(query, visible, filter);
  if (filter.isProtected !== undefined) query.where('is_protected', filter.isProtected);
  for (const { column, values } of filter.oneOf) {
    query.whereIn(column, column === 'id' ? values.filter(isUuid) : values);
  }
  for (const { column, operator, value } of filter.comparisons) {
    const isTime = value instanceof Date;
    // Clients are shown seconds, and ask for what they were shown.
    if (isTime) query.whereRaw(`date_trunc('second', ??) ${operator} ?`, [column, value]);
    else if (column.startsWith('min_')) query.whereRaw(`??::bigint ${operator} ?::bigint`, [column, value]);
    else query.where(column, operator, value);
  }
  if (filter.tags.length > 0) query.whereRaw('tags @> ?::text[]', [filter.tags]);
  if (Object.keys(filter.properties).length > 0)
    query.whereRaw('properties @> ?::jsonb', [JSON.stringify(filter.properties)]);
  return query;
}

/** As Glance lists: one's own, the public ones, and what one was given and has accepted (or as `memberStatus` says). */
function whereListed(query: Knex.QueryBuilder, visible: Visible, { visibility, memberStatus }: ImageFilter): void {
  if (visibility !== undefined && visibility !== 'all') query.where('visibility', visibility);
  if (visible === 'everyone') return;
  const { projectId } = visible;
  query.where((any) => {
    any.where('owner', projectId).orWhere('visibility', 'public');
    if (visibility === 'community' || visibility === 'all') any.orWhere('visibility', 'community');
    any.orWhere((shared) => {
      shared.where('visibility', 'shared').whereExists((member) => {
        member
          .from('image_members')
          .whereRaw('image_members.image_id = images.id')
          .where('image_members.project_id', projectId);
        if (memberStatus !== 'all') member.where('image_members.status', memberStatus);
      });
    });
  });
}
