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
import { inParts, type Part } from './parts.ts';

/** Parts on their way while the next is filled. */
const atOnce = 2;
/** Amazon's limit, which others share. */
const mostParts = 10_000;

export interface ObjectName {
  Bucket: string;
  Key: string;
}

/** Throws what `data` throws, `OverQuota` and `Unavailable`; the object may be there in part, or whole, all the same. */
export async function uploadObject(
  client: S3Client,
  name: ObjectName,
  data: AsyncIterable<Buffer>,
  partBytes: number,
): Promise<void> {
  let upload: MultipartUpload | undefined;
  try {
    for await (const part of inParts(data, partBytes)) {
      const isWhole = upload === undefined && part.bytes.length < partBytes;
      if (isWhole) return await putWhole(client, name, part.bytes);
      upload ??= await startMultipart(client, name);
      await upload.add(part);
    }
    if (upload === undefined) await putWhole(client, name, Buffer.alloc(0));
    else await upload.complete();
  } catch (error) {
    await upload?.abort();
    throw error;
  }
}

async function putWhole(client: S3Client, name: ObjectName, Body: Buffer): Promise<void> {
  await asking(() => client.send(new PutObjectCommand({ ...name, Body, ContentLength: Body.length })));
}

interface MultipartUpload {
  /** Returns when the next may be filled. */
  add(part: Part): Promise<void>;
  complete(): Promise<void>;
  /** As far as the server can be asked. */
  abort(): Promise<void>;
}

async function startMultipart(client: S3Client, name: ObjectName): Promise<MultipartUpload> {
  const { UploadId } = await asking(() => client.send(new CreateMultipartUploadCommand(name)));
  if (UploadId === undefined) throw new Unavailable('The store of the image’s data gave no id to an upload.');
  const upload = { ...name, UploadId };
  const sent: { PartNumber: number; ETag: string | undefined }[] = [];
  const underWay = new Set<Promise<void>>();
  let failure: unknown;

  const send = async ({ bytes, release }: Part, PartNumber: number) => {
    const command = new UploadPartCommand({ ...upload, PartNumber, Body: bytes, ContentLength: bytes.length });
    const { ETag } = await asking(() => client.send(command));
    sent.push({ PartNumber, ETag });
    release();
  };
  let count = 0;
  return {
    async add(part) {
      count += 1;
      if (count > mostParts) throw new OverQuota('The data is too large for this store of images.');
      const sending: Promise<void> = send(part, count)
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
