/** The properties of an image alone, for clients of before images had other fields. */
import type { ProjectContext } from '../../common/context.ts';
import { Forbidden } from '../../common/errors.ts';
import { checkWritable, isEditableField } from '../api/document.ts';
import type { Image } from './image.ts';
import { changeImage, type ImageDeps } from './operations.ts';

/** Throws `Forbidden` for what is a field of images, or the service's own, and `BadRequest` for what can be no name. */
export function checkProperties(names: readonly string[]): void {
  for (const name of names) {
    checkWritable(name);
    if (name === 'id' || isEditableField(name)) throw new Forbidden(`Attribute '${name}' is reserved.`);
  }
}

/** Makes of the properties that the caller sees what `edit` makes of them. Throws as `changeImage` and `checkProperties` do. */
export async function changeProperties(
  deps: Pick<ImageDeps, 'db' | 'enforcer' | 'protection'>,
  ctx: ProjectContext,
  id: string,
  edit: (properties: Readonly<Record<string, string>>) => Record<string, string>,
): Promise<Image> {
  return await changeImage(deps, ctx, id, (image) => {
    const properties = edit(image.properties);
    checkProperties(Object.keys(properties));
    return { ...image, properties };
  });
}
