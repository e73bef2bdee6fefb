export interface Project {
  id: string;
  domainId: string;
  /** Null for a project directly below its domain. */
  parentId: string | null;
  name: string;
  description: string;
  enabled: boolean;
}

export interface ProjectFilter {
  name?: string;
  domainId?: string;
  parentId?: string;
  enabled?: boolean;
  /** Only projects on which this user has some role. */
  forUserId?: string;
}
