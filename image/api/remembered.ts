import { boundedMap } from '../../common/bounded-map.ts';
import type { Image } from '../images/image.ts';
import type { RowVersion } from '../images/listing.ts';

/** The most documents that are kept, and the most characters of them: at two bytes, 32 MiB. */
const most = { entries: 20_000, total: 16 * 2 ** 20 };

/**
 * The JSON of images, kept by the versions of their rows: it was 80 % of what a list cost to read rows and to put them into
 * words again. Each list still asks the database which images there are, and which versions, so nothing old is ever shown.
 */
export function rememberDocuments(): DocumentMemory {
  const documents = boundedMap<string>(most, (text, key) => text.length + key.length);
  return {
    async textsOf(versions, read, viewOf, reader) {
      const keyOf = ({ id, version }: RowVersion) => `${id} ${version} ${reader}`;
      const texts = versions.map((row) => (reader === undefined ? undefined : documents.get(keyOf(row))));
      const missing = versions.filter((_, i) => texts[i] === undefined).map(({ id }) => id);
      if (missing.length === 0) return texts as string[];
      const found = await read(missing);
      return versions.flatMap(({ id }, i) => {
        const known = texts[i];
        if (known !== undefined) return [known];
        const row = found.get(id);
        if (row === undefined) return []; // gone between the two questions
        const text = JSON.stringify(viewOf(row.image));
        if (reader !== undefined) documents.set(keyOf({ id, version: row.version }), text);
        return [text];
      });
    },
  };
}

export interface DocumentMemory {
  /**
   * The JSON of each image, in the order of `versions`. `read` is asked for those that are not known. `reader`: for whom; those
   * who see the same share a text, and with undefined nothing is kept.
   */
  textsOf(
    versions: RowVersion[],
    read: (ids: string[]) => Promise<Map<string, { image: Image; version: string }>>,
    viewOf: (image: Image) => object,
    reader: string | undefined,
  ): Promise<string[]>;
}
