import { type ProjectContext, visibleTo } from '../../common/context.ts';
import type { Knex } from '../../common/database/database.ts';
import { Forbidden, OverQuota } from '../../common/errors.ts';
import type { Image } from '../images/image.ts';
import { lockOwnImage } from '../images/operations.ts';
import { getImage, lockImage } from '../images/store.ts';
import { getMember, insertMember, listMembers, type Member, removeMember, updateMember } from './store.ts';

/** Glance's default image_member_quota. */
const maximumMembers = 128;

const owns = (ctx: ProjectContext, image: Image) => image.owner === ctx.projectId || ctx.isAdmin;

/** The owner sees every member of an image, a member only itself. */
export async function showMembers(db: Knex, ctx: ProjectContext, imageId: string): Promise<Member[]> {
  const image = await getImage(db, visibleTo(ctx), imageId);
  return await listMembers(db, imageId, owns(ctx, image) ? undefined : { projectId: ctx.projectId });
}

export async function showMember(db: Knex, ctx: ProjectContext, imageId: string, projectId: string): Promise<Member> {
  const image = await getImage(db, visibleTo(ctx), imageId);
  // Whom else an image is shared with is its owner's business.
  return await getMember(db, imageId, owns(ctx, image) || projectId === ctx.projectId ? projectId : '');
}

/** Shares an image of one's own. Throws `Forbidden` unless its visibility is `shared`. */
export async function addMember(db: Knex, ctx: ProjectContext, imageId: string, projectId: string): Promise<Member> {
  return await db.transaction(async (trx) => {
    const image = await lockOwnImage(trx, ctx, imageId);
    if (image.visibility !== 'shared') throw new Forbidden(`Only shared images have members; ${imageId} is not.`);
    const count = (await listMembers(trx, imageId)).length;
    if (count >= maximumMembers)
      throw new OverQuota(`An image may be shared with at most ${maximumMembers} projects; it is with ${count}.`);
    await insertMember(trx, imageId, projectId);
    return await getMember(trx, imageId, projectId);
  });
}

/** The member's own answer: nobody else gives it, the image's owner least of all. */
export async function answerShare(
  db: Knex,
  ctx: ProjectContext,
  imageId: string,
  projectId: string,
  status: Member['status'],
): Promise<Member> {
  return await db.transaction(async (trx) => {
    const image = await lockImage(trx, visibleTo(ctx), imageId);
    if (projectId !== ctx.projectId && !ctx.isAdmin) {
      if (owns(ctx, image)) throw new Forbidden('Only the project that an image is shared with can answer.');
      await getMember(trx, imageId, ''); // not found, whether it exists or not
    }
    await updateMember(trx, imageId, projectId, status);
    return await getMember(trx, imageId, projectId);
  });
}

export async function deleteMember(db: Knex, ctx: ProjectContext, imageId: string, projectId: string): Promise<void> {
  await db.transaction(async (trx) => {
    await lockOwnImage(trx, ctx, imageId);
    await removeMember(trx, imageId, projectId);
  });
}
