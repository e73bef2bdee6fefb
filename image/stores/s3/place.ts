/** Below a prefix of a bucket: the mark that says whose it is. */
import { GetObjectCommand, PutObjectCommand, type S3Client, type S3ServiceException } from '@aws-sdk/client-s3';
import { ownerKey, type Place } from '../owner.ts';
import { asking, isMissingObject, renamed } from './client.ts';

/** `ids` of what is there. */
export function placeInBucket(
  client: S3Client,
  { bucket: Bucket, prefix }: { bucket: string; prefix: string },
  ids: Place['ids'],
): Place {
  const name = { Bucket, Key: prefix + ownerKey };
  const write = async (Body: string, unlessThere: object) => {
    await client.send(new PutObjectCommand({ ...name, Body, ContentType: 'text/plain', ...unlessThere }));
  };
  return {
    name: `${Bucket}/${name.Key}`,
    ids,
    async readMark() {
      try {
        const { Body } = await client.send(new GetObjectCommand(name));
        return (await Body?.transformToString())?.trim();
      } catch (error) {
        if (isMissingObject(error)) return undefined;
        throw renamed(error);
      }
    },
    /** Servers that do not know the condition ignore it: then the last to write is the owner, and others hear of it before they remove anything. */
    async writeMark(text) {
      await write(text, { IfNoneMatch: '*' }).catch(async (error) => {
        const status = (error as S3ServiceException).$metadata?.httpStatusCode;
        if (status === 409 || status === 412) return; // somebody was first
        if (status !== 501) throw renamed(error);
        await asking(() => write(text, {}));
      });
    },
  };
}
