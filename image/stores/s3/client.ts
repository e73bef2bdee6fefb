/** The connection to an S3 server: what it takes, and what its failures mean here. */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ServiceException } from '@aws-sdk/client-s3';
import { OverQuota, Unavailable } from '../../../common/errors.ts';
import type { Secret } from '../../../common/secret.ts';

export interface S3Settings {
  /** Of the server, without a bucket. */
  endpoint: string;
  region: string;
  bucket: string;
  /** Before each key; empty, or ends with a slash. */
  prefix: string;
  accessKeyId: string;
  secretAccessKey: Secret;
  /** The bucket in the path and not in the host's name: what every server but Amazon's expects. */
  isPathStyle: boolean;
  /** Certificates, PEM, that the server's is to be vouched for by; null for the usual ones. */
  caCertificates: string | null;
  /** Of each part but the last; an object has at most 10,000. Three are in memory during an upload. */
  partBytes: number;
}

const connectMs = 5000;
const answerMs = 60_000;
/** Also of one whose reader pauses. */
const idleMs = 5 * 60_000;

export function connect({ endpoint, region, isPathStyle, caCertificates, ...settings }: S3Settings): S3Client {
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: isPathStyle,
    credentials: { accessKeyId: settings.accessKeyId, secretAccessKey: settings.secretAccessKey.reveal() },
    // Checksums beyond the signature's, which not every server knows.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      socketTimeout: idleMs,
      httpAgent: new HttpAgent({ keepAlive: true }),
      httpsAgent: new HttpsAgent({ keepAlive: true, ...(caCertificates !== null && { ca: caCertificates }) }),
    },
  });
}

/** What servers say when there is no room: Amazon, MinIO, Ceph. */
const fullNames = new Set([
  ...['EntityTooLarge', 'QuotaExceeded', 'ServiceQuotaExceeded', 'InsufficientStorage', 'StorageFull'],
  ...['XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded'],
]);

const statusOf = (error: unknown): number | undefined => (error as S3ServiceException).$metadata?.httpStatusCode;
const nameOf = (error: unknown): string => (error as Error).name;

export const isMissingObject = (error: unknown): boolean => nameOf(error) === 'NoSuchKey';
export const isMissingUpload = (error: unknown): boolean => nameOf(error) === 'NoSuchUpload';

/** Throws `OverQuota` when the server is full, and `Unavailable` for everything else it does not do. */
export async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw renamed(error);
  }
}

export function renamed(error: unknown): OverQuota | Unavailable {
  const status = statusOf(error);
  // Not the error itself: of a signature that is refused it holds what was signed, and the name of the key.
  const cause = new Error(`${nameOf(error)}: ${(error as Error).message}${status ? ` (HTTP ${status})` : ''}`);
  if (status === 507 || fullNames.has(nameOf(error)))
    return new OverQuota('There is no space left for the data of images.', { cause });
  return new Unavailable('The store of the image’s data does not do its work now; try again later.', { cause });
}
