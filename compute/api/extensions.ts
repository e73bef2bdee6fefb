/** What microversions have taken the place of, for clients that ask still (nova/api/openstack/compute/extension_info.py). */
import { NotFound } from '../../common/errors.ts';
import { route } from '../../common/http/route.ts';
import { authenticated, definePolicy } from '../../common/policy/rules.ts';

export const extensionPolicy = definePolicy({
  'os_compute_api:extensions': { ...authenticated('List extensions of the Compute API'), scopes: ['project'] },
});
const rule = extensionPolicy['os_compute_api:extensions'];

export const extensionRoutes = () => [
  route({
    method: 'GET',
    path: '/v2.1/extensions',
    rule,
    summary: 'List extensions',
    status: 200,
    handler: () => ({ extensions: extensions.map(extensionView) }),
  }),
  route({
    method: 'GET',
    path: '/v2.1/extensions/{alias}',
    rule,
    summary: 'Show an extension',
    status: 200,
    handler({ params: { alias = '' } }) {
      const found = extensions.find(([known]) => known === alias);
      if (found === undefined) throw new NotFound('Extension', alias);
      return { extension: extensionView(found) };
    },
  }),
];

type Extension = readonly [alias: string, name: string, description: string];

/** When it was last changed is what Nova says of all of them. */
function extensionView([alias, name, description]: Extension) {
  const namespace = 'http://docs.openstack.org/compute/ext/fake_xml';
  return { alias, name, description, namespace, updated: '2014-12-03T00:00:00Z', links: [] };
}

/** Under Nova's names, those of its list that are here. */
const extensions: readonly Extension[] = [
  ['NMN', 'Multinic', 'More and fewer addresses of servers'],
  ['OS-DCF', 'DiskConfig', 'How the disks of servers are partitioned'],
  ['OS-EXT-AZ', 'ExtendedAvailabilityZone', 'The availability zones of servers'],
  ['OS-EXT-IMG-SIZE', 'ImageSize', 'The sizes of images'],
  ['OS-EXT-IPS', 'ExtendedIps', 'Kinds of addresses'],
  ['OS-EXT-IPS-MAC', 'ExtendedIpsMac', 'MAC addresses beside addresses'],
  ['OS-EXT-SRV-ATTR', 'ExtendedServerAttributes', 'Servers as administrators see them'],
  ['OS-EXT-STS', 'ExtendedStatus', 'States of servers in detail'],
  ['OS-FLV-DISABLED', 'FlavorDisabled', 'Whether flavors are disabled'],
  ['OS-FLV-EXT-DATA', 'FlavorExtraData', 'Ephemeral disks of flavors'],
  ['OS-SCH-HNT', 'SchedulerHints', 'Where new servers should be'],
  ['OS-SRV-USG', 'ServerUsage', 'When servers were launched and terminated'],
  ['os-access-ips', 'AccessIPs', 'Addresses that servers are told to be reached at'],
  ['os-admin-actions', 'AdminActions', 'States of servers set anew'],
  ['os-admin-password', 'AdminPassword', 'Passwords of administrators of servers'],
  ['os-aggregates', 'Aggregates', 'Groups of hosts'],
  ['os-attach-interfaces', 'AttachInterfaces', 'Interfaces that come and go'],
  ['os-availability-zone', 'AvailabilityZone', 'Availability zones, and servers in them'],
  ['os-block-device-mapping', 'BlockDeviceMapping', 'Disks of new servers'],
  ['os-block-device-mapping-v2-boot', 'BlockDeviceMappingV2Boot', 'Disks of new servers in the newer form'],
  ['os-config-drive', 'ConfigDrive', 'Config drives of servers'],
  ['os-console-auth-tokens', 'ConsoleAuthTokens', 'What tokens of consoles are for'],
  ['os-console-output', 'ConsoleOutput', 'What servers print on their serial ports'],
  ['os-consoles', 'Consoles', 'Screens and serial ports of servers'],
  ['os-create-backup', 'CreateBackup', 'Images of servers, of which so many are kept'],
  ['os-create-server-ext', 'Createserverext', 'New servers with networks and security groups'],
  ['os-deferred-delete', 'DeferredDelete', 'Deleted servers that can be restored'],
  ['os-evacuate', 'Evacuate', 'Servers of dead hosts made anew'],
  ['os-extended-evacuate-find-host', 'ExtendedEvacuateFindHost', 'Hosts found for those'],
  ['os-extended-floating-ips', 'ExtendedFloatingIps', 'Which address of a server a floating IP points at'],
  ['os-extended-hypervisors', 'ExtendedHypervisors', 'Hypervisors in detail'],
  ['os-extended-quotas', 'ExtendedQuotas', 'Quotas given back and forced'],
  ['os-extended-rescue-with-image', 'ExtendedRescueWithImage', 'The image that a server is rescued with'],
  ['os-extended-services', 'ExtendedServices', 'Why services are disabled'],
  ['os-extended-services-delete', 'ExtendedServicesDelete', 'Services forgotten'],
  ['os-extended-status', 'ExtendedStatus', 'States of servers in detail'],
  ['os-extended-volumes', 'ExtendedVolumes', 'Volumes of servers: none'],
  ['os-flavor-access', 'FlavorAccess', 'Flavors for some projects'],
  ['os-flavor-extra-specs', 'FlavorExtraSpecs', 'What flavors ask for beside their sizes'],
  ['os-flavor-manage', 'FlavorManage', 'Flavors made and deleted'],
  ['os-flavor-rxtx', 'FlavorRxtx', 'The factor of network traffic of flavors'],
  ['os-flavor-swap', 'FlavorSwap', 'Swap of flavors'],
  ['os-floating-ip-pools', 'FloatingIpPools', 'Networks that floating IPs come from'],
  ['os-floating-ips', 'FloatingIps', 'Floating IPs'],
  ['os-hosts', 'Hosts', 'Compute hosts by their names'],
  ['os-hypervisor-status', 'HypervisorStatus', 'States of hypervisors'],
  ['os-hypervisors', 'Hypervisors', 'Compute hosts'],
  ['os-instance-actions', 'InstanceActions', 'What was done to servers'],
  ['os-instance_usage_audit_log', 'OSInstanceUsageAuditLog', 'Audits of usage'],
  ['os-keypairs', 'Keypairs', 'Keys of users'],
  ['os-lock-server', 'LockServer', 'Servers locked against changes'],
  ['os-migrate-server', 'MigrateServer', 'Servers from host to host'],
  ['os-migrations', 'Migrations', 'Their ways'],
  ['os-multiple-create', 'MultipleCreate', 'Several servers at once'],
  ['os-networks', 'Networks', 'Networks, by id and name'],
  ['os-pause-server', 'PauseServer', 'Servers paused'],
  ['os-personality', 'Personality', 'Files for new servers'],
  ['os-quota-class-sets', 'QuotaClasses', 'Default quotas'],
  ['os-quota-sets', 'Quotas', 'Quotas of projects'],
  ['os-rescue', 'Rescue', 'Servers rescued'],
  ['os-security-groups', 'SecurityGroups', 'Security groups'],
  ['os-server-diagnostics', 'ServerDiagnostics', 'What running servers have used'],
  ['os-server-external-events', 'ServerExternalEvents', 'What other services tell of servers'],
  ['os-server-group-quotas', 'ServerGroupQuotas', 'Quotas of server groups'],
  ['os-server-groups', 'ServerGroups', 'Servers together or apart'],
  ['os-server-list-multi-status', 'ServerListMultiStatus', 'Servers of any of several states'],
  ['os-server-password', 'ServerPassword', 'Passwords that servers tell'],
  ['os-server-sort-keys', 'ServerSortKeys', 'Servers in order'],
  ['os-server-start-stop', 'ServerStartStop', 'Servers started and stopped'],
  ['os-services', 'Services', 'Agents of compute hosts'],
  ['os-shelve', 'Shelve', 'Servers shelved'],
  ['os-simple-tenant-usage', 'SimpleTenantUsage', 'What projects have used'],
  ['os-suspend-server', 'SuspendServer', 'Servers suspended'],
  ['os-tenant-networks', 'OSTenantNetworks', 'Networks in short'],
  ['os-used-limits', 'UsedLimits', 'What a project uses of its limits'],
  ['os-used-limits-for-admin', 'UsedLimitsForAdmin', 'The same of any project'],
  ['os-user-data', 'UserData', 'User data of servers'],
  ['os-user-quotas', 'UserQuotas', 'Quotas of users'],
];
