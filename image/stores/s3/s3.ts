import { PassThrough, pipeline, type Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
} from '@aws-sdk/client-s3';
import { Unavailable } from '../../../common/errors.ts';
import { isUuid } from '../../../common/ids.ts';
import { hashedWrite } from '../hashing/hashed-write.ts';
import { claimOf, type Owner } from '../owner.ts';
import { type ByteRange, DataMissing, type ImageStore } from '../store.ts';
import { asking, connect, isMissingObject, isMissingUpload, renamed, type S3Settings } from './client.ts';
import { placeInBucket } from './place.ts';
import { uploadObject } from './upload.ts';

/** Keeps each image's data as one object of a bucket, named by its id. An object is whole or not there. `owner`: whose the place is to be. */
export function openS3Store(settings: S3Settings, owner: Owner): ImageStore {
  const client = connect(settings);
  const { bucket: Bucket, prefix: Prefix, partBytes } = settings;
  const nameOf = (id: string) => {
    if (!isUuid(id)) throw new Error(`not an id of stored data: ${id}`); // keys of others are none of our business
    return { Bucket, Key: Prefix + id.toLowerCase() };
  };
  const idOf = (key: string | undefined) => {
    const id = key?.startsWith(Prefix) ? key.slice(Prefix.length) : '';
    return isUuid(id) && id === id.toLowerCase() ? id : undefined;
  };

  async function* objects(): AsyncGenerator<string> {
    let ContinuationToken: string | undefined;
    do {
      const page = await asking(() => client.send(new ListObjectsV2Command({ Bucket, Prefix, ContinuationToken })));
      for (const { Key } of page.Contents ?? []) {
        const id = idOf(Key);
        if (id !== undefined) yield id;
      }
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  /** Uploads that nobody has completed: of everything, or of one key. */
  async function* unfinished(prefix = Prefix): AsyncGenerator<{ id: string; UploadId: string | undefined }> {
    let from: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {};
    while (from !== undefined) {
      const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...from });
      const page = await asking(() => client.send(command));
      for (const { Key, UploadId } of page.Uploads ?? []) {
        const id = idOf(Key);
        if (id !== undefined) yield { id, UploadId };
      }
      from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
    }
  }

  const claim = claimOf(
    placeInBucket(client, settings, async function* () {
      yield* objects();
      for await (const { id } of unfinished()) yield id;
    }),
    owner,
  );

  const abort = async (id: string, UploadId: string | undefined) => {
    await client.send(new AbortMultipartUploadCommand({ ...nameOf(id), UploadId })).catch((error) => {
      if (!isMissingUpload(error)) throw renamed(error);
    });
  };

  return {
    async put(id, data) {
      const name = nameOf(id);
      await claim.once();
      const upload = uploadObject(client, name, partBytes);
      try {
        const stored = await hashedWrite(data, (bytes) => upload.write(bytes));
        await upload.finish();
        const { ContentLength } = await asking(() => client.send(new HeadObjectCommand(name)));
        if (ContentLength !== stored.sizeBytes)
          throw new Unavailable('The store of the image’s data did not keep all of it.');
        return stored;
      } catch (error) {
        await upload.abort();
        // An answer may have been lost on its way. Where the server cannot be asked, the sweep removes it.
        await client.send(new DeleteObjectCommand(name)).catch(() => {});
        throw error;
      }
    },

    async open(id, range) {
      const command = new GetObjectCommand({ ...nameOf(id), ...(range && { Range: rangeHeader(range) }) });
      try {
        const { Body } = await client.send(command);
        // In Node.js it is a stream; not handed out itself, because hapi would answer with the headers of an HTTP message.
        return pipeline(Body as Readable, new PassThrough(), () => {});
      } catch (error) {
        if (isMissingObject(error)) throw new DataMissing(`The data ${id} is not in the store.`);
        throw renamed(error);
      }
    },

    async remove(id) {
      const name = nameOf(id);
      await claim.once();
      await asking(() => client.send(new DeleteObjectCommand(name)));
      for await (const { UploadId } of unfinished(name.Key)) await abort(id, UploadId);
    },

    async list() {
      return await Array.fromAsync(objects());
    },

    async sweep(aliveAmong) {
      await claim.check();
      const whole = new Set(await Array.fromAsync(objects()));
      const broken = await Array.fromAsync(unfinished());
      const found = [...whole.union(new Set(broken.map(({ id }) => id)))];
      const alive = await aliveAmong(found);
      const dead = found.filter((id) => !alive.has(id));
      if (dead.length > 0) await claim.check(); // whoever took the place since did it before they put anything there
      const failures: unknown[] = [];
      for (const id of dead) await this.remove(id).catch((error) => failures.push(error));
      if (failures.length > 0)
        throw new AggregateError(
          failures,
          `The data of ${failures.length} of ${dead.length} ids could not be removed.`,
        );
      return dead;
    },

    localPath: async () => undefined,

    async check() {
      await asking(() => client.send(new HeadBucketCommand({ Bucket })));
      await claim.check();
    },
  };
}

const rangeHeader = ({ first, last }: ByteRange): string => `bytes=${first}-${last}`;
