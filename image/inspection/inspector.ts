import { dockerArchive } from './formats/docker-archive.ts';
import { iso9660 } from './formats/iso9660.ts';
import { partitions } from './formats/partitions.ts';
import { qcow2 } from './formats/qcow2.ts';
import { refusedFormats } from './formats/signatures.ts';
import { vdi } from './formats/vdi.ts';
import { vhd } from './formats/vhd.ts';
import { vhdx } from './formats/vhdx.ts';
import { vmdk } from './formats/vmdk.ts';
import { type ContentFormat, type Format, type Limits, ReadingRunner, tailBytes } from './reader.ts';
import { decide, refusalSentence, type Verdict } from './verdict.ts';

/** Every format that data is held against, whatever it was declared to be. */
const formats: Format[] = [qcow2, vmdk, vhd, vhdx, vdi, iso9660, dockerArchive, partitions, ...refusedFormats];

/** `disk_format` values of the Image API that are accepted. The three of Amazon's are bare bytes to everybody. */
export const diskFormats = ['raw', 'qcow2', 'vmdk', 'vhd', 'vhdx', 'vdi', 'iso', 'ami', 'ari', 'aki'] as const;
export type DiskFormat = (typeof diskFormats)[number];

/** `container_format` values that are accepted; `docker` is what `docker save` writes, with the disk format raw. */
export const containerFormats = ['bare', 'docker', 'ami', 'ari', 'aki'] as const;
export type ContainerFormat = (typeof containerFormats)[number];

export interface DeclaredFormat {
  diskFormat: DiskFormat;
  containerFormat: ContainerFormat;
}

/** 64 TiB, as the setting imageMaximumVirtualGib has it when nobody says otherwise. */
export const defaultLimits: Limits = { virtualSizeBytes: 64 * 2 ** 40 };

/** What an upload of the wrong format really is may show only at its end: up to this size that answer is worth the wait. */
const patienceBytes = 16 * 2 ** 20;

export interface Inspector {
  /** Looks at the next bytes of an upload and keeps nothing of the buffer. Never throws for what the bytes are. */
  write(chunk: Buffer): void;
  /** A sentence for the user as soon as it is certain that the data will be refused, so an upload can end early. */
  refusal(): string | null;
  /** The verdict, once the last byte was written. */
  finish(): Verdict;
  /** Bytes held now: below a MiB whatever is uploaded. */
  bufferedBytes(): number;
}

/**
 * Decides whether an upload is what it was declared to be and safe for the tools that will open it, by headers alone,
 * while it streams by. No other program looks at the data before this one has accepted it.
 */
export function createInspector(declared: DeclaredFormat, limits: Limits = defaultLimits): Inspector {
  const expected = expectedContent(declared);
  const runners = formats.map((format) => ({ format, runner: new ReadingRunner(format, limits) }));
  let sizeBytes = 0;
  let verdict: Verdict | undefined;
  let tail = Buffer.alloc(0);

  const conclude = () => {
    for (const { runner } of runners) runner.finish({ tail: Buffer.from(tail), sizeBytes });
    const findings = runners.flatMap(({ runner }) => runner.finding ?? []);
    return decide(expected, findings, sizeBytes, limits.virtualSizeBytes);
  };

  return {
    write(chunk) {
      for (const { runner } of runners) runner.write(chunk, sizeBytes);
      sizeBytes += chunk.length;
      const end = chunk.subarray(-tailBytes);
      tail = end.length < tailBytes ? Buffer.concat([tail, end]).subarray(-tailBytes) : Buffer.from(end);
    },
    refusal() {
      const own = runners.find(({ format }) => format.name === expected)?.runner;
      if (own?.finding?.refusal) return refusalSentence(own.finding.refusal);
      const isHopeless = own?.finding === null && sizeBytes >= patienceBytes;
      return isHopeless ? refusalSentence(`it is declared as ${expected} and is not`) : null;
    },
    finish() {
      verdict ??= conclude();
      return verdict;
    },
    bufferedBytes: () => tail.length + runners.reduce((sum, { runner }) => sum + runner.bufferedBytes, 0),
  };
}

function expectedContent({ diskFormat, containerFormat }: DeclaredFormat): ContentFormat {
  if (containerFormat === 'docker') return 'docker';
  return diskFormat === 'ami' || diskFormat === 'ari' || diskFormat === 'aki' ? 'raw' : diskFormat;
}
