import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';

/** Glance's rule names with its defaults (`glance/policies/cache.py`). */
export const cachePolicy = definePolicy({
  cache_image: projectAdmin('Have hosts get an image before a guest needs it'),
  cache_list: projectAdmin('List the images that hosts have, and those that they are asked to get'),
  cache_delete: projectAdmin('Have hosts give up images, or no longer get them'),
});
