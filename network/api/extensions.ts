import { NotFound } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import { networkPolicy } from '../policy.ts';
import type { ApiDeps } from './deps.ts';

/** What is really served, and nothing else: clients decide by these what they send. */
const extensions: Readonly<Record<string, [name: string, description: string]>> = {
  'allowed-address-pairs': ['Allowed Address Pairs', 'Further addresses that a port may use'],
  'auto-allocated-topology': ['Auto Allocated Topology Services', 'A network with a way out, for whoever asks for any'],
  binding: ['Port Binding', 'Which host carries a port'],
  'ext-gw-mode': ['Neutron L3 Configurable external gateway mode', 'Source address translation can be switched off'],
  'external-net': ['Neutron external network', 'Networks that routers have their gateway on'],
  extraroute: ['Neutron Extra Route', 'Static routes of routers'],
  'extraroute-atomic': ['Atomically add/remove extra routes', 'Single routes added and removed'],
  'net-mtu': ['Network MTU', 'Networks show what they carry'],
  'net-mtu-writable': ['Network MTU (writable)', 'The MTU of a network can be changed'],
  pagination: ['Pagination support', 'Lists come in pages'],
  'port-security': ['Port Security', 'Anti-spoofing can be switched off'],
  'port-security-groups-filtering': ['Port filtering on security groups', 'Ports by security group'],
  'ip-substring-filtering': ['IP address substring filtering', 'Ports by a part of their address'],
  'project-id': ['project_id field enabled', 'Resources show project_id'],
  provider: ['Provider Network', 'Networks of the hosts'],
  quotas: ['Quota management support', 'Limits for each project'],
  quota_details: ['Quota details management support', 'Limits with what is used of them'],
  router: ['Neutron L3 Router', 'Routers and floating IPs'],
  'security-group': ['security-group', 'What may pass a port'],
  sorting: ['Sorting support', 'Lists can be sorted'],
  'standard-attr-description': ['standard-attr-description', 'Resources have descriptions'],
  'standard-attr-revisions': ['Resource revision numbers', 'Resources show how often they changed'],
  'standard-attr-tag': ['Tag support for resources with standard attribute', 'Resources have tags'],
  'standard-attr-timestamp': ['Resource timestamps', 'Resources show when they were made and changed'],
};

function extensionView(alias: string, [name, description]: [string, string]) {
  return { alias, name, description, updated: '2026-01-01T00:00:00-00:00', links: [] };
}

export const extensionRoutes = (_deps: ApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.0/extensions',
    rule: networkPolicy.get_extension,
    summary: 'List extensions',
    status: 200,
    handler: () => ({ extensions: Object.entries(extensions).map(([alias, words]) => extensionView(alias, words)) }),
  }),
  route({
    method: 'GET',
    path: '/v2.0/extensions/{alias}',
    rule: networkPolicy.get_extension,
    summary: 'Show an extension',
    status: 200,
    handler({ params: { alias = '' } }) {
      const words = Object.hasOwn(extensions, alias) ? extensions[alias] : undefined;
      if (words === undefined) throw new NotFound('Extension', alias);
      return { extension: extensionView(alias, words) };
    },
  }),
];
