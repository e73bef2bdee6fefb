/** The NUMA nodes of a server, from 2.78 on (nova/api/openstack/compute/server_topology.py). */
import { visibleTo } from '../../common/context.ts';
import { route } from '../../common/http/route.ts';
import { definePolicy, projectReader } from '../../common/policy/rules.ts';
import { getServer } from '../servers/store.ts';
import { requireSince } from './by-version.ts';
import type { ComputeApiDeps } from './deps.ts';

export const serverTopologyPolicy = definePolicy({
  'compute:server:topology:index': projectReader('Show the NUMA topology of a server'),
});

export const serverTopologyRoutes = ({ db }: ComputeApiDeps) => [
  route({
    method: 'GET',
    path: '/v2.1/servers/{server_id}/topology',
    rule: serverTopologyPolicy['compute:server:topology:index'],
    summary: 'Show the NUMA topology of a server (2.78)',
    status: 200,
    async handler({ ctx, params, version }) {
      requireSince(version, 78);
      await getServer(db, visibleTo(ctx), params.server_id ?? '');
      return { nodes: [], pagesize_kb: null }; // what asks for nodes, or for pages of a size, is refused: none has any
    },
  }),
];
