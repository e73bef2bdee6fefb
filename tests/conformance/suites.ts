/** Which of tempest's tests are run, against which cloud, and what they are told that it offers. */
import type { ExecutionContext } from 'ava';
import { buildDashboard } from '../../dashboard/build.ts';
import type { ClientCloud } from './cloud.ts';
import { computeGround, makeComputeGround } from './compute-ground.ts';
import { alternateImages, prepareImages, startAlternateImages } from './images.ts';

export type Test = Pick<ExecutionContext, 'teardown'>;

export interface Preparation {
  /** Of the cloud's configuration file. */
  settings: Record<string, string | number>;
  /** Sections of tempest.conf beyond those that every suite has. */
  conf: Record<string, Record<string, string | number | boolean>>;
}

export interface Suite extends Preparation {
  /** How many the cloud has, where it is not one. */
  hosts?: number;
  /** How many tests run at once; 2 unless said. */
  workers?: number;
  /** Of the tests' full names. */
  regex: string;
  /** Starts what its tests need beside a cloud, until `t` ends, and tells the cloud and tempest of it. */
  prepare?(t: Test): Promise<Preparation>;
  /** What is done to the cloud once it is there; gives sections of tempest.conf that tell of it, if it has to. */
  complete?(cloud: ClientCloud): Promise<Preparation['conf']>;
  /** Regular expression of names → why those tests may fail. Nothing else may. */
  mayFail: Record<string, string>;
}

/** Their pages are part of the dashboard. */
async function prepareConsoles(): Promise<Preparation> {
  await buildDashboard();
  return { settings: {}, conf: {} };
}

/** The suite, with what it needs started. */
export async function prepareSuite(t: Test, suite: Suite): Promise<Suite> {
  const more = await suite.prepare?.(t);
  if (more === undefined) return suite;
  return { ...withConf(suite, more.conf), settings: { ...suite.settings, ...more.settings } };
}

export function withConf(suite: Suite, more: Preparation['conf']): Suite {
  const conf = { ...suite.conf };
  for (const [section, options] of Object.entries(more)) conf[section] = { ...conf[section], ...options };
  return { ...suite, conf };
}

const otherBus = 'it wants a rescue disk on another bus than the disks of the server, which is refused';
const tolerated = 'a slash at the end of a path is tolerated, as clients send it';

/** Tests of Compute of which the other suite skips what only a guest can tell. */
const fromWithin = [
  'api\\.compute\\.admin\\.test_create_server',
  'api\\.compute\\.servers\\.test_(attach_interfaces|create_server)',
];

export const suites: Record<string, Suite> = {
  identity: {
    regex: '^tempest\\.api\\.identity\\.',
    settings: { lockoutFailureAttempts: 2, lockoutDuration: 5, uniqueLastPasswordCount: 2 },
    conf: {
      identity: {
        user_lockout_failure_attempts: 2,
        user_lockout_duration: 5,
        user_unique_last_password_count: 2,
      },
      'identity-feature-enabled': {
        api_v2: false,
        api_v3: true,
        trust: true,
        security_compliance: true,
        application_credentials: true,
        access_rules: true,
        project_tags: true,
        domain_specific_drivers: false,
        immutable_user_source: false,
      },
    },
    mayFail: {},
  },
  image: {
    regex: '^tempest\\.api\\.image\\.v2\\.',
    settings: {},
    conf: {
      // Their tests upload random bytes as each of these, which is what a `vhd` or `qcow2` may not be here.
      image: {
        disk_formats: 'raw,ami,ari,aki',
        container_formats: 'bare',
        image_caching_enabled: true,
        ...alternateImages,
      },
      'image-feature-enabled': {
        api_v1: false,
        api_v2: true,
        os_glance_reserved: true,
        import_image: true,
        // Whoever writes locations decides what a cloud reads (CVE-2014-9493, CVE-2015-1195, CVE-2022-4134).
        manage_locations: false,
      },
    },
    prepare: prepareImages,
    complete: startAlternateImages,
    mayFail: {},
  },
  compute: {
    regex: '^tempest\\.api\\.compute\\.',
    settings: {},
    hosts: 2,
    conf: {
      compute: { ...computeGround, min_compute_nodes: 2, build_timeout: 60, max_microversion: '2.96' },
      image: { build_timeout: 60 },
      'compute-feature-enabled': {
        resize: true,
        cold_migration: true,
        live_migration: true,
        block_migration_for_live_migration: true,
        change_password: true,
        vnc_console: true,
        // Its one test gives text to what takes bytes, and tries again for two minutes without having sent anything.
        serial_console: false,
        stable_rescue: true,
        personality: true,
        hostname_fqdn_sanitization: true,
        scheduler_enabled_filters: 'all',
      },
      validation: { run_validation: false }, // nobody can log in to a simulated server
    },
    prepare: prepareConsoles,
    complete: ({ url }) => makeComputeGround(url),
    mayFail: {
      'AggregatesAdminTestJSON.test_aggregate_add_host_create_server_with_az':
        'servers of other tests may come to the host that it makes a zone of, which then is not let out of it',
      'ServerStableDeviceRescueTest.test_stable_device_rescue_disk_scsi': otherBus,
      'ServerStableDeviceRescueTest.test_stable_device_rescue_disk_usb': otherBus,
      'ServerStableDeviceRescueTestIDE.test_stable_device_rescue_cdrom_ide': otherBus,
      'KeyPairsV22TestJSON.test_keypairsv22_create_list_show_with_type':
        'it wants a key of type x509, which is for Windows',
      'QuotaClassesAdminTestJSON.test_update_default_quotas':
        'it sets defaults of what Network limits, which Network does not take from Compute',
      'TenantUsagesNegativeTestJSON.test_get_usage_tenant_with_empty_tenant_id': tolerated,
      'ImagesDeleteNegativeTestJSON.test_delete_image_blank_id': tolerated,
      'SecurityGroupsNegativeTestJSON.test_delete_security_group_without_passing_id': tolerated,
      'SecurityGroupRulesTestJSON.test_security_group_rules_create_with_optional_cidr':
        'it wants to be told bits of a host in the prefix of a network, which is kept without them',
      'TestVersions.test_list_api_versions': 'it wants a version 2.0 of the API, which is not there',
    },
  },
  /** On real engines, by scenario.e2e.test.ts: they log in to their servers. */
  scenario: {
    regex: `^tempest\\.(scenario|${fromWithin.join('|')})\\.`,
    settings: {},
    workers: 1,
    conf: {
      compute: { min_compute_nodes: 1, max_microversion: '2.96' },
      'compute-feature-enabled': { resize: true, unified_limits: true, hostname_fqdn_sanitization: true },
      'image-feature-enabled': { import_image: true },
      'network-feature-enabled': { port_security: true },
      validation: { run_validation: true, auth_method: 'keypair', connect_method: 'floating' },
    },
    mayFail: {
      'ImageQuotaTest.test_image_(size|stage)_quota':
        'they want the upload that exceeds a limit of bytes to succeed, and only the next to be refused: here none goes beyond it',
    },
  },
};
