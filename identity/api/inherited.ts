import type { IdentityDeps } from '../deps.ts';
import { grantRoutes, ordinaryRules, placesFor } from './grants.ts';

/** Roles on the projects below a project or a domain, and not on itself. */
export const inheritedGrantRoutes = (deps: IdentityDeps) =>
  [
    ...placesFor('/v3/OS-INHERIT/domains/{domain_id}', (p) => ({ domainId: p.domain_id ?? '' }), {
      isInherited: true,
      rules: () => ordinaryRules,
    }),
    ...placesFor('/v3/OS-INHERIT/projects/{project_id}', (p) => ({ projectId: p.project_id ?? '' }), {
      isInherited: true,
      hasList: false,
      rules: () => ordinaryRules,
    }),
  ].flatMap((place) => grantRoutes(deps, place));
