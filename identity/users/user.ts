export interface User {
  id: string;
  domainId: string;
  name: string;
  description: string | null;
  email: string | null;
  defaultProjectId: string | null;
  enabled: boolean;
}

export interface UserFilter {
  name?: string;
  domainId?: string;
  enabled?: boolean;
}
