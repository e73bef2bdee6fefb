import { anyScope } from '../../common/policy/rules.ts';

/**
 * The check strings that rules of identity are made of, after keystone's personas: an administrator of the cloud may do
 * everything, a reader of the system sees everything, and a domain's own managers and readers reach what is in their
 * domain. An administrator of a domain is its manager, and not the cloud's.
 */
const administrator = 'rule:admin_required';
const systemReader = '(role:reader and system_scope:all)';
const domainReader = (attribute: string) => `(role:reader and domain_id:%(${attribute})s)`;
const domainManager = (attribute: string) => `(role:manager and domain_id:%(${attribute})s)`;
const owner = (attribute: string) => `user_id:%(${attribute})s`;

const rule = (checks: string[], description: string) =>
  ({ check: checks.join(' or '), scopes: anyScope, description }) as const;

/** Administrators of the cloud alone. */
export const administrators = (description: string) => rule([administrator], description);

/** Who sees everything: administrators, and readers of the system. */
export const cloudReaders = (description: string) => rule([administrator, systemReader], description);

/** They, and readers of the domain that `domain` (an attribute of the target) names. */
export const domainReaders = (domain: string, description: string) =>
  rule([administrator, systemReader, domainReader(domain)], description);

/** They, and the user that `user` names. */
export const domainReadersAndOwner = (domain: string, user: string, description: string) =>
  rule([administrator, systemReader, domainReader(domain), owner(user)], description);

/** Administrators, and managers of that domain. */
export const domainManagers = (domain: string, description: string) =>
  rule([administrator, domainManager(domain)], description);

/** Administrators, and the user that `user` names. */
export const ownerOnly = (user: string, description: string) => rule([administrator, owner(user)], description);

/** They, and readers of the system. */
export const cloudReadersAndOwner = (user: string, description: string) =>
  rule([administrator, systemReader, owner(user)], description);
