import type { SecurityGroupRuleSpec } from '../drivers/driver.ts';

/** A set of rules that ports can have. What no rule of a port's groups allows does not pass. */
export interface SecurityGroup {
  id: string;
  projectId: string;
  name: string;
  description: string;
  /** Every project has exactly one, named `default`, made when it is first needed. */
  isDefault: boolean;
  rules: SecurityGroupRule[];
  tags: string[];
  revision: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface SecurityGroupRule extends SecurityGroupRuleSpec {
  projectId: string;
  securityGroupId: string;
  description: string;
  createdAt: Date;
}

export type NewRule = Omit<SecurityGroupRuleSpec, 'id'> & { securityGroupId: string; description: string };
