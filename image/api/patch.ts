/**
 * Glance's JSON patch (application/openstack-images-v2.1-json-patch, and the older v2.0 with the operation as the key): RFC
 * 6902's add, replace and remove, on the top level and on tags.
 */
import { Type } from 'typebox';
import { BadRequest, Conflict, Forbidden } from '../../common/errors.ts';
import type { EditableImage, Image } from '../images/image.ts';
import { applyDocument, checkWritable, documentOf, isEditableField } from './document.ts';

export const patchTypes = [
  'application/openstack-images-v2.1-json-patch',
  'application/openstack-images-v2.0-json-patch',
];

export const PatchBody = Type.Array(Type.Record(Type.String(), Type.Unknown()), { maxItems: 1000 });

const operations = ['add', 'replace', 'remove'] as const;

interface Change {
  operation: (typeof operations)[number];
  key: string;
  value: unknown;
}

/** The image as the patch leaves it. Throws `BadRequest`, `Forbidden` for what is not the client's, `Conflict` for what is not there. */
export function applyPatch(image: Image, patch: Record<string, unknown>[]): EditableImage {
  const document = documentOf(image);
  for (const { operation, key, value } of patch.map(readChange)) {
    checkWritable(key);
    if (key === 'id') throw new Forbidden("Attribute 'id' is read-only.");
    const exists = Object.hasOwn(document, key);
    if (operation === 'remove') {
      if (isEditableField(key)) throw new Forbidden(`Property ${key} may not be removed.`);
      if (!exists) throw new Conflict(`Property ${key} does not exist.`);
      delete document[key];
    } else {
      if (operation === 'replace' && !exists) throw new Conflict(`Property ${key} does not exist.`);
      Object.defineProperty(document, key, { value, enumerable: true, configurable: true, writable: true });
    }
  }
  return applyDocument(image, document);
}

function readChange(raw: Record<string, unknown>): Change {
  const operation = operations.find((name) => raw.op === name || (raw.op === undefined && Object.hasOwn(raw, name)));
  if (operation === undefined) throw new BadRequest('Operations must be one of add, replace, remove.');
  const path = raw.op === undefined ? raw[operation] : raw.path;
  if (typeof path !== 'string' || !path.startsWith('/'))
    throw new BadRequest(`Pointer ${JSON.stringify(path) ?? ''} does not start with "/".`);
  const parts = path.slice(1).split('/');
  if (parts.length !== 1) throw new BadRequest(`Pointer ${path} leads below the top level of an image.`);
  if (operation !== 'remove' && !Object.hasOwn(raw, 'value'))
    throw new BadRequest(`Operation ${operation} requires a member named "value".`);
  return { operation, key: unescapePointer(parts[0]!), value: raw.value };
}

/** RFC 6901. */
function unescapePointer(part: string): string {
  if (/~(?![01])/.test(part))
    throw new BadRequest(`Pointer /${part} contains "~" not part of a recognized escape sequence.`);
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}
