/**
 * Rules that stand on no route: parts of others, by the names that OpenStack's services give them. An operator's file may
 * redefine them, and add some of its own. All services share one file here, so where two of them mean different things by a
 * name, it is Keystone's.
 */
export const baseRules: Readonly<Record<string, { check: string; description: string }>> = {
  admin_required: {
    check: 'is_admin:True',
    description: 'Administrators of the cloud: the role admin, not on a domain',
  },
  service_role: { check: 'role:service', description: 'Services' },
  service_or_admin: { check: 'rule:admin_required or rule:service_role', description: 'Services and administrators' },
  owner: { check: 'user_id:%(user_id)s', description: 'The user whose it is' },
  admin_or_owner: { check: 'rule:admin_required or rule:owner', description: 'Administrators, and whose it is' },
  token_subject: {
    check: 'user_id:%(target.token.user_id)s',
    description: 'The user of the token that is asked about',
  },
  admin_or_token_subject: {
    check: 'rule:admin_required or rule:token_subject',
    description: 'Administrators, and the user of the token',
  },
  service_admin_or_token_subject: {
    check: 'rule:service_or_admin or rule:token_subject',
    description: 'Services, administrators, and the user of the token',
  },
  domain_managed_target_role: {
    check: "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s",
    description: 'Roles that managers of a domain may give and take within it; none with more than they have',
  },
  context_is_admin: {
    check: 'rule:admin_required',
    description: 'Administrators, as compute, network and image say it',
  },
  admin_api: { check: 'rule:context_is_admin', description: 'Administrators, as compute says it' },
  admin_only: { check: 'rule:context_is_admin', description: 'Administrators, as network says it' },
  network_owner: {
    check: 'project_id:%(network:project_id)s',
    description: 'The project whose network something is on',
  },
  admin_or_network_owner: {
    check: 'rule:context_is_admin or rule:network_owner',
    description: 'Administrators, and the project whose network something is on',
  },
  regular_user: { check: '@', description: 'Whoever has a token, as network says it' },
  service_api: { check: 'rule:service_role', description: 'Services, as compute and network say it' },
  project_manager_api: {
    check: 'role:manager and project_id:%(project_id)s',
    description: 'Managers of the project',
  },
  project_member_api: { check: 'role:member and project_id:%(project_id)s', description: 'Members of the project' },
  project_reader_api: { check: 'role:reader and project_id:%(project_id)s', description: 'Readers of the project' },
  project_manager_or_admin: {
    check: 'rule:context_is_admin or rule:project_manager_api',
    description: 'Managers of the project, and administrators',
  },
  project_member_or_admin: {
    check: 'rule:context_is_admin or rule:project_member_api',
    description: 'Members of the project, and administrators',
  },
  project_reader_or_admin: {
    check: 'rule:context_is_admin or rule:project_reader_api',
    description: 'Readers of the project, and administrators',
  },
};
