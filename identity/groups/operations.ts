import { violatedConstraint } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { lockDomain } from '../domains/store.ts';
import { type Extra, mergedExtra } from '../extra.ts';
import { revoke } from '../tokens/revocations.ts';
import { getUser } from '../users/store.ts';
import { subjectsOfUsers } from '../users/subjects.ts';
import type { Group } from './group.ts';
import {
  addMember,
  getGroup,
  insertGroup,
  isGrantedAnything,
  isMember,
  listMemberIds,
  lockGroup,
  removeGroup,
  removeMember,
  updateGroup,
} from './store.ts';

/** What is asked to be different; absent leaves alone. */
export interface GroupChanges {
  name?: string | undefined;
  description?: string | undefined;
  extra?: Extra | undefined;
}

/** Throws `Conflict` when the name is taken in the domain, `NotFound` for the domain. */
export async function createGroup(
  { db }: IdentityDeps,
  asked: GroupChanges & { name: string; domainId: string },
): Promise<Group> {
  const { name, domainId, description = '', extra = {} } = asked;
  return db.transaction(async (trx) => {
    await lockDomain(trx, domainId, 'share'); // so that it is not being deleted meanwhile
    return insertGroup(trx, { name, domainId, description, extra: mergedExtra({}, extra) });
  });
}

export async function changeGroup({ db }: IdentityDeps, id: string, changes: GroupChanges): Promise<Group> {
  const { name, description, extra } = changes;
  return db.transaction(async (trx) => {
    const before = await lockGroup(trx, id);
    return updateGroup(trx, id, {
      ...(name !== undefined && { name }),
      ...(description !== undefined && { description }),
      ...(extra && { extra: mergedExtra(before.extra, extra) }),
    });
  });
}

/** Deletes a group, with what was granted to it; that ends the tokens of its members, if anything was. */
export async function deleteGroup({ db, revocations, tokenSeconds }: IdentityDeps, id: string): Promise<void> {
  await db.transaction(async (trx) => {
    await lockGroup(trx, id);
    const members = (await isGrantedAnything(trx, id)) ? await listMemberIds(trx, id) : [];
    const subjects = await subjectsOfUsers(trx, members);
    await removeGroup(trx, id);
    await revoke(trx, [`group:${id}`, ...subjects], tokenSeconds);
  });
  await revocations.refresh();
}

/** Users of any domain can be in a group. Throws `NotFound` for whichever of the two is not there. */
export async function addToGroup({ db }: IdentityDeps, groupId: string, userId: string): Promise<void> {
  await checkBoth(db, groupId, userId);
  try {
    await addMember(db, groupId, userId);
  } catch (error) {
    if (violatedConstraint(error)) await checkBoth(db, groupId, userId); // one of them went meanwhile
    throw error;
  }
}

/** Takes a user out of a group, and ends their tokens. Throws `NotFound` when they are not in it. */
export async function removeFromGroup(
  { db, revocations, tokenSeconds }: IdentityDeps,
  groupId: string,
  userId: string,
): Promise<void> {
  await db.transaction(async (trx) => {
    await checkBoth(trx, groupId, userId);
    if (!(await removeMember(trx, groupId, userId))) throw notAMember(userId);
    await revoke(trx, `user:${userId}`, tokenSeconds);
  });
  await revocations.refresh();
}

/** Throws `NotFound` unless both are there, and the one is in the other. */
export async function checkMember({ db }: IdentityDeps, groupId: string, userId: string): Promise<void> {
  await checkBoth(db, groupId, userId);
  if (!(await isMember(db, groupId, userId))) throw notAMember(userId);
}

async function checkBoth(db: IdentityDeps['db'], groupId: string, userId: string): Promise<void> {
  await getGroup(db, groupId);
  await getUser(db, userId);
}

const notAMember = (userId: string) => new NotFound('group member', userId);
