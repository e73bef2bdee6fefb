import { definePolicy, projectAdmin } from '../../common/policy/rules.ts';

/** Glance's rule for all of /v2/tasks. Owners read the tasks of an image behind `get_image`. */
export const taskPolicy = definePolicy({
  tasks_api_access: projectAdmin('List and show tasks'),
});
