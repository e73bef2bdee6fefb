import { definePolicy, projectMember, projectReader } from '../../common/policy/rules.ts';

/** Of the project whose repository it is. Harbor's words, where OpenStack has none; its maintainers are managers here. */
export const registryPolicy = definePolicy({
  'registry:repository:pull': projectReader('Pull from the registry'),
  'registry:repository:push': projectMember('Push into the registry'),
  'registry:artifact:delete': projectMember('Delete manifests and blobs in the registry'),
  'registry:tag:delete': projectMember('Delete tags in the registry'),
  'registry:repository:list': projectReader(
    'List the repositories of the registry, and how much the project has there',
  ),
  'registry:repository:read': projectReader('Show a repository of the registry'),
  'registry:repository:update': {
    check: 'rule:project_manager_or_admin',
    scopes: ['project'],
    description: 'Say whether the tags of a repository may be moved',
  },
  'registry:repository:delete': projectMember('Delete a repository with all that is in it'),
  'registry:project:update': {
    check: 'rule:project_manager_or_admin',
    scopes: ['project'],
    description: 'Say whether tags of the project may be moved, where the repository does not say',
  },
});
