import type { Knex } from '../../common/database/database.ts';
import { violatedConstraint } from '../../common/database/database.ts';
import { Conflict, NotFound } from '../../common/errors.ts';

/** A project that a shared image was offered to, and its answer. */
export interface Member {
  imageId: string;
  projectId: string;
  status: 'pending' | 'accepted' | 'rejected';
  createdAt: Date;
  updatedAt: Date;
}

const columns = {
  imageId: 'image_id',
  projectId: 'project_id',
  status: 'status',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
};

/** All members, or the one that a project is, as its own view of the list. */
export async function listMembers(db: Knex, imageId: string, only?: { projectId: string }): Promise<Member[]> {
  const query = db('image_members').where({ image_id: imageId }).orderBy(['created_at', 'project_id']).select(columns);
  return await (only ? query.where('project_id', only.projectId) : query);
}

export async function getMember(db: Knex, imageId: string, projectId: string): Promise<Member> {
  const [member] = await listMembers(db, imageId, { projectId });
  if (member === undefined) throw new NotFound('Member', projectId);
  return member;
}

export async function insertMember(db: Knex, imageId: string, projectId: string): Promise<void> {
  try {
    await db('image_members').insert({ image_id: imageId, project_id: projectId });
  } catch (error) {
    if (violatedConstraint(error) !== 'image_members_pkey') throw error;
    throw new Conflict(`Image member ${projectId} already exists for image ${imageId}.`);
  }
}

export async function updateMember(
  db: Knex,
  imageId: string,
  projectId: string,
  status: Member['status'],
): Promise<void> {
  const changed = { status, updated_at: db.fn.now(3) };
  const count = await db('image_members').where({ image_id: imageId, project_id: projectId }).update(changed);
  if (count === 0) throw new NotFound('Member', projectId);
}

export async function removeMember(db: Knex, imageId: string, projectId: string): Promise<void> {
  const count = await db('image_members').where({ image_id: imageId, project_id: projectId }).delete();
  if (count === 0) throw new NotFound('Member', projectId);
}
