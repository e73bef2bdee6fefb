import { type ContentFormat, end, type Format, read } from '../reader.ts';

/** A format that is known by its first bytes and by nothing else, because it is never accepted. */
function refusedFormat(name: ContentFormat, matches: (start: Buffer) => boolean): Format {
  return {
    name,
    *read() {
      const start = yield* read(0, 64);
      return matches(start) ? refused(name) : null;
    },
  };
}

const refused = (format: ContentFormat) =>
  ({ format, virtualSizeBytes: null, refusal: `it is ${format}, which is not supported` }) as const;

const begins = (text: string) => (start: Buffer) => start.toString('latin1', 0, text.length) === text;

/**
 * What QEMU would also recognise (the `bdrv_probe` functions of its block/*.c): such data declared as something else could
 * make a tool that probes open it as what it is.
 */
export const refusedFormats: Format[] = [
  refusedFormat('luks', begins('LUKS\xba\xbe')),
  refusedFormat('qcow', begins('QFI\xfb\0\0\0\x01')),
  refusedFormat('qed', begins('QED\0')),
  refusedFormat('parallels', (start) => begins('WithoutFreeSpace')(start) || begins('WithouFreSpacExt')(start)),
  refusedFormat('bochs', begins('Bochs Virtual HD Image')),
  refusedFormat('cloop', begins('#!/bin/sh\n#V2.0 Format\nmodprobe cloop')),
  {
    name: 'dmg',
    *read() {
      const { tail } = yield* end();
      return tail.toString('latin1', tail.length - 512, tail.length - 508) === 'koly' ? refused('dmg') : null;
    },
  },
];
