/** Who is given a role. */
export type Actor = { userId: string } | { groupId: string };

/** What a role is given on. */
export type Target = { projectId: string } | { domainId: string } | 'system';

/** A role of somebody somewhere. */
export interface Grant {
  actor: Actor;
  roleId: string;
  target: Target;
  /** On the projects below the target, and not on the target itself. */
  isInherited: boolean;
}

/** How messages name a target. */
export function idOf(target: Target): string {
  if (target === 'system') return target;
  return 'projectId' in target ? target.projectId : target.domainId;
}
