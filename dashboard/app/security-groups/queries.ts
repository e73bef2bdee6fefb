import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useApi } from '../api/use-api.ts';
import type { Rule } from './rule.ts';

export interface SecurityGroup {
  id: string;
  name: string;
  description: string;
  security_group_rules: Rule[];
}

const path = (id: string) => `/security-groups/${encodeURIComponent(id)}`;

export function useSecurityGroups() {
  const api = useApi();
  return useQuery({
    queryKey: ['security-groups'],
    queryFn: async ({ signal }) =>
      (await api.get<{ security_groups: SecurityGroup[] }>('network', '/security-groups', signal)).security_groups,
  });
}

export function useSecurityGroup(id: string) {
  const api = useApi();
  return useQuery({
    queryKey: ['security-groups', id],
    queryFn: async ({ signal }) =>
      (await api.get<{ security_group: SecurityGroup }>('network', path(id), signal)).security_group,
  });
}

/** What is asked for; the rest is as the API has it by default. */
export type NewRule = Omit<Rule, 'id'> & { security_group_id: string };

export interface SecurityGroupOperations {
  create(name: string, description: string): Promise<SecurityGroup>;
  remove(id: string): Promise<void>;
  addRule(rule: NewRule): Promise<void>;
  removeRule(id: string): Promise<void>;
}

export function useSecurityGroupOperations(): SecurityGroupOperations {
  const api = useApi();
  const cache = useQueryClient();
  const changed = () => cache.invalidateQueries({ queryKey: ['security-groups'] });
  return {
    async create(name, description) {
      const body = { security_group: { name, description } };
      const answer = await api.post<{ security_group: SecurityGroup }>('network', '/security-groups', body);
      await changed();
      return answer.security_group;
    },
    async remove(id) {
      await api.delete('network', path(id));
      await cache.invalidateQueries({ queryKey: ['security-groups'], exact: true });
    },
    async addRule(rule) {
      await api.post('network', '/security-group-rules', { security_group_rule: rule });
      await changed();
    },
    async removeRule(id) {
      await api.delete('network', `/security-group-rules/${encodeURIComponent(id)}`);
      await changed();
    },
  };
}
