import { type Format, read } from '../reader.ts';

const sector = 512;
const tableOffset = 446;
const protective = 0xee;

/**
 * A partition table in front of raw data: MBR, or GPT by its protective MBR (UEFI 2.10, chapter 5). It is no container:
 * it tells that data is a disk, and that a file with another format's header is two things at once.
 */
export const partitions: Format = {
  name: 'mbr',
  *read() {
    const bytes = yield* read(0, sector);
    if (bytes.length < sector || bytes.readUInt16LE(510) !== 0xaa55) return null;
    const entries = [0, 1, 2, 3].map((index) =>
      bytes.subarray(tableOffset + 16 * index, tableOffset + 16 * (index + 1)),
    );
    const isTable = entries.every((entry) => entry[0] === 0 || entry[0] === 0x80);
    const used = entries.filter((entry) => entry[4] !== 0);
    // The boot sector of a file system ends in the same two bytes.
    if (!isTable || used.length === 0) return null;
    const format = used.some((entry) => entry[4] === protective) ? 'gpt' : 'mbr';
    return { format, virtualSizeBytes: null, refusal: null };
  },
};
