/** Every route of Compute's API, and every rule that guards one. */

import { lockPolicy } from '../servers/locks.ts';
import { aggregatePolicy, aggregateRoutes } from './aggregates.ts';
import { availabilityZonePolicy, availabilityZoneRoutes } from './availability-zones.ts';
import type { ComputeApiDeps } from './deps.ts';
import { extensionPolicy, extensionRoutes } from './extensions.ts';
import { flavorAccessPolicy, flavorAccessRoutes } from './flavor-access.ts';
import { flavorExtraSpecPolicy, flavorExtraSpecRoutes } from './flavor-extra-specs.ts';
import { flavorPolicy, flavorRoutes } from './flavors.ts';
import { hostPolicy, hostRoutes } from './hosts.ts';
import { hypervisorPolicy, hypervisorRoutes } from './hypervisors.ts';
import { instanceActionPolicy, instanceActionRoutes } from './instance-actions.ts';
import { usageAuditPolicy, usageAuditRoutes } from './instance-usage-audit-log.ts';
import { keypairPolicy, keypairRoutes } from './keypairs.ts';
import { limitPolicy, limitRoutes } from './limits.ts';
import { migrationPolicy, migrationRoutes } from './migrations.ts';
import { floatingIpPolicy, floatingIpRoutes } from './proxies/floating-ips.ts';
import { imageMetadataRoutes } from './proxies/image-metadata.ts';
import { imageProxyRoutes } from './proxies/images.ts';
import { networkProxyPolicy, networkProxyRoutes } from './proxies/networks.ts';
import { securityGroupRulePolicy, securityGroupRuleRoutes } from './proxies/security-group-rules.ts';
import { securityGroupPolicy, securityGroupRoutes } from './proxies/security-groups.ts';
import { quotaClassSetPolicy, quotaClassSetRoutes } from './quota-class-sets.ts';
import { quotaSetPolicy, quotaSetRoutes } from './quota-sets.ts';
import { remoteConsolePolicy, remoteConsoleRoutes } from './remote-consoles.ts';
import { serverActionPolicy, serverActionRoutes } from './server-actions.ts';
import { serverDiagnosticsPolicy, serverDiagnosticsRoutes } from './server-diagnostics.ts';
import { serverExternalEventPolicy, serverExternalEventRoutes } from './server-external-events.ts';
import { serverGroupPolicy, serverGroupRoutes } from './server-groups.ts';
import { serverInterfacePolicy, serverInterfaceRoutes } from './server-interfaces.ts';
import { serverMetadataPolicy, serverMetadataRoutes } from './server-metadata.ts';
import { serverMigrationPolicy, serverMigrationRoutes } from './server-migrations.ts';
import { serverPasswordPolicy, serverPasswordRoutes } from './server-password.ts';
import { serverSecurityGroupPolicy, serverSecurityGroupRoutes } from './server-security-groups.ts';
import { serverTagPolicy, serverTagRoutes } from './server-tags.ts';
import { serverTopologyPolicy, serverTopologyRoutes } from './server-topology.ts';
import { serverPartPolicy, serverPolicy, serverRoutes } from './servers.ts';
import { servicePolicy, serviceRoutes } from './services.ts';
import { usagePolicy, usageRoutes } from './simple-tenant-usage.ts';
import { versionRoutes } from './versions.ts';

export const computePolicy = {
  ...flavorPolicy,
  ...flavorAccessPolicy,
  ...flavorExtraSpecPolicy,
  ...keypairPolicy,
  ...serverPolicy,
  ...serverPartPolicy,
  ...serverActionPolicy,
  ...remoteConsolePolicy,
  ...serverMetadataPolicy,
  ...serverPasswordPolicy,
  ...serverTagPolicy,
  ...serverInterfacePolicy,
  ...serverSecurityGroupPolicy,
  ...serverMigrationPolicy,
  ...migrationPolicy,
  ...lockPolicy,
  ...instanceActionPolicy,
  ...serverDiagnosticsPolicy,
  ...serverExternalEventPolicy,
  ...hypervisorPolicy,
  ...servicePolicy,
  ...aggregatePolicy,
  ...availabilityZonePolicy,
  ...serverGroupPolicy,
  ...quotaSetPolicy,
  ...quotaClassSetPolicy,
  ...usagePolicy,
  ...usageAuditPolicy,
  ...limitPolicy,
  ...serverTopologyPolicy,
  ...hostPolicy,
  ...extensionPolicy,
  ...securityGroupPolicy,
  ...securityGroupRulePolicy,
  ...floatingIpPolicy,
  ...networkProxyPolicy,
};

export const computeRoutes = (api: ComputeApiDeps) => [
  ...versionRoutes(api),
  ...flavorRoutes(api),
  ...flavorAccessRoutes(api),
  ...flavorExtraSpecRoutes(api),
  ...keypairRoutes(api),
  ...serverRoutes(api),
  ...serverActionRoutes(api),
  ...remoteConsoleRoutes(api),
  ...serverMetadataRoutes(api),
  ...serverPasswordRoutes(api),
  ...serverTagRoutes(api),
  ...serverInterfaceRoutes(api),
  ...serverSecurityGroupRoutes(api),
  ...serverMigrationRoutes(api),
  ...migrationRoutes(api),
  ...instanceActionRoutes(api),
  ...serverDiagnosticsRoutes(api),
  ...serverExternalEventRoutes(api),
  ...hypervisorRoutes(api),
  ...serviceRoutes(api),
  ...aggregateRoutes(api),
  ...availabilityZoneRoutes(api),
  ...serverGroupRoutes(api),
  ...quotaSetRoutes(api),
  ...quotaClassSetRoutes(api),
  ...usageRoutes(api),
  ...usageAuditRoutes(api),
  ...limitRoutes(api),
  ...serverTopologyRoutes(api),
  ...hostRoutes(api),
  ...extensionRoutes(),
  ...imageProxyRoutes(api),
  ...imageMetadataRoutes(api),
  ...securityGroupRoutes(api),
  ...securityGroupRuleRoutes(api),
  ...floatingIpRoutes(api),
  ...networkProxyRoutes(api),
];
