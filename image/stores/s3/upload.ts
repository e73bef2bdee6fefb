/** Streams of any length into one object, which is seen when it is whole. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { OverQuota, Unavailable } from '../../../common/errors.ts';
import { asking } from './client.ts';

/** Parts on their way while the next is filled. */
const atOnce = 2;
/** Amazon's limit, which others share. */
const mostParts = 10_000;

export interface ObjectName {
  Bucket: string;
  Key: string;
}

/** Every call throws `OverQuota` and `Unavailable`; after that only `abort` is left to do. */
export interface ObjectUpload {
  /** One after the other. Returns when the bytes are somebody else's business: copied, and their part on its way if it is full. */
  write(bytes: Buffer): Promise<void>;
  /** Then the object is there. */
  finish(): Promise<void>;
  /** As far as the server can be asked; the object may be there all the same. */
  abort(): Promise<void>;
}

/** Begins an object, in parts only where there is more than one. */
export function uploadObject(client: S3Client, name: ObjectName, partBytes: number): ObjectUpload {
  const free: Buffer[] = [];
  let parts: Parts | undefined;
  let part: Buffer | undefined;
  let filled = 0;

  const handOn = async (): Promise<void> => {
    if (part === undefined) return;
    const [buffer, bytes] = [part, part.subarray(0, filled)];
    part = undefined;
    filled = 0;
    parts ??= await startParts(client, name);
    await parts.add(bytes, () => void free.push(buffer));
  };
  return {
    async write(bytes) {
      for (let taken = 0; taken < bytes.length; ) {
        part ??= free.pop() ?? Buffer.allocUnsafeSlow(partBytes);
        const copied = bytes.copy(part, filled, taken);
        taken += copied;
        filled += copied;
        if (filled === partBytes) await handOn();
      }
    },
    async finish() {
      if (parts === undefined) {
        const Body = part?.subarray(0, filled) ?? Buffer.alloc(0);
        await asking(() => client.send(new PutObjectCommand({ ...name, Body, ContentLength: Body.length })));
      } else {
        await handOn();
        await parts.complete();
      }
    },
    abort: async () => await parts?.abort(),
  };
}

interface Parts {
  /** Returns when the next may be filled. */
  add(bytes: Buffer, release: () => void): Promise<void>;
  complete(): Promise<void>;
  abort(): Promise<void>;
}

async function startParts(client: S3Client, name: ObjectName): Promise<Parts> {
  const { UploadId } = await asking(() => client.send(new CreateMultipartUploadCommand(name)));
  if (UploadId === undefined) throw new Unavailable('The store of the image’s data gave no id to an upload.');
  const upload = { ...name, UploadId };
  const sent: { PartNumber: number; ETag: string | undefined }[] = [];
  const underWay = new Set<Promise<void>>();
  let failure: unknown;
  let count = 0;

  const send = async (Body: Buffer, PartNumber: number, release: () => void) => {
    const command = new UploadPartCommand({ ...upload, PartNumber, Body, ContentLength: Body.length });
    const { ETag } = await asking(() => client.send(command));
    sent.push({ PartNumber, ETag });
    release();
  };
  return {
    async add(bytes, release) {
      count += 1;
      if (count > mostParts) throw new OverQuota('The data is too large for this store of images.');
      const sending: Promise<void> = send(bytes, count, release)
        .catch((error) => {
          failure ??= error;
        })
        .finally(() => underWay.delete(sending));
      underWay.add(sending);
      while (underWay.size >= atOnce && failure === undefined) await Promise.race(underWay);
      if (failure !== undefined) throw failure;
    },
    async complete() {
      await Promise.all(underWay);
      if (failure !== undefined) throw failure;
      const Parts = sent.sort((a, b) => a.PartNumber - b.PartNumber);
      await asking(() => client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } })));
    },
    async abort() {
      await Promise.all(underWay); // what arrives after the end of an upload would be kept
      await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {}); // the sweep finds it
    },
  };
}
