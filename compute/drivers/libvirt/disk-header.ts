/**
 * How large a disk is inside, from its first bytes and the format it is known to have. An image was inspected when it was
 * uploaded; what would make QEMU open another file is refused here once more, just before it is used.
 */
import { open } from 'node:fs/promises';
import { PermanentFailure } from '../../../common/errors.ts';

const qcow2Magic = 0x514649fb;
const headerBytes = 104;
const externalDataFile = 1n << 2n;

/** In bytes. @throws PermanentFailure when it is empty or not of that format. */
export async function virtualSize(path: string, format: 'raw' | 'qcow2'): Promise<number> {
  const file = await open(path, 'r');
  try {
    const size = format === 'raw' ? (await file.stat()).size : (await readQcow2(file)).size;
    if (size === 0) throw new PermanentFailure('The image is empty: there is nothing to boot from.');
    return Math.ceil(size / 512) * 512;
  } finally {
    await file.close();
  }
}

/** @throws PermanentFailure when a qcow2 image refers to another file. */
export async function refuseReferences(path: string, format: 'raw' | 'qcow2'): Promise<void> {
  if (format === 'raw') return;
  const file = await open(path, 'r');
  try {
    const { backingFileOffset, incompatibleFeatures } = await readQcow2(file);
    if (backingFileOffset !== 0n || (incompatibleFeatures & externalDataFile) !== 0n) {
      throw new PermanentFailure('The image refers to another file and cannot be used.');
    }
  } finally {
    await file.close();
  }
}

/** @throws PermanentFailure when the data of a qcow2 disk is in another file. */
export async function refuseDataFile(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    const { incompatibleFeatures } = await readQcow2(file);
    if ((incompatibleFeatures & externalDataFile) !== 0n)
      throw new PermanentFailure('The disk refers to another file and cannot be used.');
  } finally {
    await file.close();
  }
}

async function readQcow2(file: {
  read: (buffer: Buffer, offset: number, length: number, position: number) => Promise<{ bytesRead: number }>;
}) {
  const header = Buffer.alloc(headerBytes);
  const { bytesRead } = await file.read(header, 0, headerBytes, 0);
  const version = header.readUInt32BE(4);
  if (bytesRead < 72 || header.readUInt32BE(0) !== qcow2Magic || (version !== 2 && version !== 3)) {
    throw new PermanentFailure('The image is not the qcow2 that it was recorded as.');
  }
  const size = header.readBigUInt64BE(24);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new PermanentFailure('The image claims an impossible size.');
  return {
    backingFileOffset: header.readBigUInt64BE(8),
    size: Number(size),
    incompatibleFeatures: version === 3 ? header.readBigUInt64BE(72) : 0n,
  };
}
