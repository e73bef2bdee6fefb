/**
 * Whose a place is. A cloud sweeps what it does not know, so that two of them in one bucket under one prefix would remove each other's
 * images: the first to come writes its id there, and any other keeps its hands off.
 */
import { GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { Unavailable } from '../../../common/errors.ts';
import { isMissingObject, renamed } from './client.ts';
import type { ObjectName } from './upload.ts';

/** Below the prefix; no id of data, so nothing takes it for one. */
export const ownerKey = 'cirrostack-owner';

/** Throws `Unavailable` when the place is another cloud's, or cannot be asked. */
export async function claim(client: S3Client, name: ObjectName, cloudId: string): Promise<void> {
  const owner = (await readOwner(client, name)) ?? (await becomeOwner(client, name, cloudId));
  if (owner === cloudId) return;
  const cause = new Error(`${name.Bucket}/${name.Key} names the cloud ${owner}, and this is ${cloudId}`);
  throw new Unavailable('The store of the image’s data belongs to another cloud.', { cause });
}

async function readOwner(client: S3Client, name: ObjectName): Promise<string | undefined> {
  try {
    const { Body } = await client.send(new GetObjectCommand(name));
    return (await Body?.transformToString())?.trim();
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw renamed(error);
  }
}

/** Reads again: of two that come at once the later one to write is the owner, and the other hears of it at its next sweep. */
async function becomeOwner(client: S3Client, name: ObjectName, cloudId: string): Promise<string | undefined> {
  try {
    await client.send(new PutObjectCommand({ ...name, Body: cloudId, ContentType: 'text/plain' }));
  } catch (error) {
    throw renamed(error);
  }
  return await readOwner(client, name);
}
