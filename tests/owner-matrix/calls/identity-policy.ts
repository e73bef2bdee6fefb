import type { Calls } from '../call.ts';

const noRoles = 'one is told that one has no role there, whether it exists or not (identity/api/explain.test.ts)';

export const identityPolicyCalls: Calls = {
  'POST /v3/explain': [
    () => ({ reads: true, body: { explain: { rule: 'identity:get_project' } } }),
    (it) => ({
      reads: true,
      body: { explain: { rule: 'get_network', scope: { project: { id: it.project } } } },
      mayName: { project: noRoles },
    }),
    (it) => ({
      reads: true,
      body: { explain: { rule: 'identity:get_user', user: { id: it.user }, scope: { project: { id: it.project } } } },
    }),
  ],
};
