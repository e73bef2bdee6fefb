import type { ContentFormat, Finding } from './reader.ts';

/** Words for people. */
const title: Partial<Record<ContentFormat, string>> = {
  raw: 'raw data',
  iso: 'an ISO 9660 or UDF disc',
  docker: 'a tar archive',
  mbr: 'a raw disk with an MBR',
  gpt: 'a raw disk with a GPT',
};
const nameOf = (format: ContentFormat) => title[format] ?? format;

export interface Verdict {
  /** What the data is; of two things at once, the first found. */
  format: ContentFormat;
  /** Bytes a guest sees as its disk; null for an archive and for refused data. */
  virtualSizeBytes: number | null;
  /** A sentence for the user; null when the data may be used. */
  refusal: string | null;
}

export const refusalSentence = (reason: string) => `The image data was refused: ${reason}.`;

/** Decides from what all formats found, given what the data was declared to be. */
export function decide(
  declared: ContentFormat,
  findings: Finding[],
  sizeBytes: number,
  virtualSizeLimitBytes: number,
): Verdict {
  const partitions = findings.find(({ format }) => format === 'mbr' || format === 'gpt');
  const containers = findings.filter((finding) => finding !== partitions);
  const [container, other] = containers;
  const actual = container?.format ?? partitions?.format ?? 'raw';
  const refuse = (reason: string): Verdict => ({
    format: actual,
    virtualSizeBytes: null,
    refusal: refusalSentence(reason),
  });
  // An empty disk is one that Glance takes too: its client sends no bytes when a script gives it none.
  if (sizeBytes === 0 && declared !== 'raw') return refuse('there is none');
  if (container === undefined) {
    if (declared !== 'raw') return refuse(`it is declared as ${declared} but is ${nameOf(actual)}`);
    if (sizeBytes > virtualSizeLimitBytes) return refuse('it is larger than the limit');
    return { format: actual, virtualSizeBytes: sizeBytes, refusal: null };
  }
  if (other !== undefined) return refuse(`it is ${nameOf(container.format)} and ${nameOf(other.format)} at once`);
  if (container.format !== declared) return refuse(mismatch(declared, container.format));
  if (container.refusal !== null) return refuse(container.refusal);
  // A disc may also boot from a stick, and a fixed VHD is a raw disk with a footer; nothing else begins with partitions.
  if (partitions !== undefined && declared !== 'iso' && declared !== 'vhd') {
    return refuse(`it is ${declared} and ${nameOf(partitions.format)} at once`);
  }
  return { format: declared, virtualSizeBytes: container.virtualSizeBytes, refusal: null };
}

function mismatch(declared: ContentFormat, actual: ContentFormat): string {
  const advice = actual === 'docker' ? '; an image for containers has container_format docker and disk_format raw' : '';
  return `it is declared as ${declared} but is ${nameOf(actual)}${advice}`;
}
