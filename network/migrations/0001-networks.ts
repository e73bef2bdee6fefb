import type { Migration } from '../../common/database/migrate.ts';

/**
 * Every table whose rows become objects of the driver has the same five columns for it: `revision` grows with each change,
 * `settled_revision` is the last one the reconciler finished with, `fault` is why it gave up on that one,
 * `deletion_requested_at` hides the row from the API at once, `updated_at` is the API's. Times are kept to the
 * millisecond because that is what a page's marker can hold.
 */
const lifecycle = `
  revision integer not null default 1,
  settled_revision integer not null default 0,
  fault text,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  deletion_requested_at timestamptz(3)`;

const named = `
  id uuid primary key default gen_random_uuid(),
  project_id text not null,
  name text not null default '',
  description text not null default ''`;

export const networksMigration: Migration = {
  name: 'network/0001-networks',
  async up(db) {
    await db.raw(`
      create table networks (${named},
        admin_state_up boolean not null default true,
        shared boolean not null default false,
        external boolean not null default false,
        port_security_enabled boolean not null default true,
        mtu integer not null check (mtu between 68 and 9000),
        network_type text not null check (network_type in ('geneve', 'flat')),
        physical_network text,
        ${lifecycle},
        check ((network_type = 'flat') = (physical_network is not null)),
        check (not external or physical_network is not null));
      create unique index networks_physical_network_key on networks (physical_network) where deletion_requested_at is null;
      create index networks_project on networks (project_id);
      create index networks_public on networks (id) where shared or external;

      create table subnets (${named},
        network_id uuid not null references networks,
        cidr cidr not null,
        gateway_ip inet,
        enable_dhcp boolean not null default true,
        dns_nameservers text[] not null default '{}',
        host_routes jsonb not null default '[]',
        allocation_pools jsonb not null,
        ${lifecycle});
      create index subnets_network on subnets (network_id);
      create index subnets_project on subnets (project_id);

      create table security_groups (${named},
        is_default boolean not null default false,
        ${lifecycle});
      create unique index security_groups_default_key on security_groups (project_id)
        where is_default and deletion_requested_at is null;
      create index security_groups_project on security_groups (project_id);

      create table security_group_rules (
        id uuid primary key default gen_random_uuid(),
        project_id text not null,
        security_group_id uuid not null references security_groups on delete cascade,
        direction text not null check (direction in ('ingress', 'egress')),
        ethertype text not null check (ethertype in ('IPv4', 'IPv6')),
        protocol text,
        port_range_min integer,
        port_range_max integer,
        remote_ip_prefix cidr,
        remote_group_id uuid references security_groups on delete cascade,
        description text not null default '',
        created_at timestamptz(3) not null default now(),
        constraint security_group_rules_same unique nulls not distinct (security_group_id, direction, ethertype,
          protocol, port_range_min, port_range_max, remote_ip_prefix, remote_group_id),
        check (remote_ip_prefix is null or remote_group_id is null));
      create index security_group_rules_remote on security_group_rules (remote_group_id);
      create index security_group_rules_project on security_group_rules (project_id);

      create table routers (${named},
        admin_state_up boolean not null default true,
        external_network_id uuid references networks,
        gateway_port_id uuid,
        enable_snat boolean not null default true,
        routes jsonb not null default '[]',
        ${lifecycle},
        check ((external_network_id is null) = (gateway_port_id is null)));
      create index routers_project on routers (project_id);

      create table ports (${named},
        network_id uuid not null references networks,
        mac_address macaddr not null,
        admin_state_up boolean not null default true,
        port_security_enabled boolean not null default true,
        device_id text not null default '',
        device_owner text not null default '',
        made_for_device boolean not null default false check (not made_for_device or attached_to is not null),
        attached_to text,
        attached_order bigint,
        host_name text,
        vnic_type text not null default 'normal',
        binding_profile jsonb not null default '{}',
        allowed_address_pairs jsonb not null default '[]',
        observed_up boolean,
        used_by_router uuid,
        ${lifecycle});
      create unique index ports_mac_address_key on ports (network_id, mac_address) where deletion_requested_at is null;
      create index ports_project on ports (project_id);
      create index ports_network on ports (network_id);
      create index ports_device on ports (device_id) where device_id <> '';
      create index ports_attached_to on ports (attached_to) where attached_to is not null;
      create sequence ports_attached_order;
      create index ports_used_by_router on ports (used_by_router) where used_by_router is not null;
      alter table routers add foreign key (gateway_port_id) references ports;

      create table port_addresses (
        port_id uuid not null references ports on delete cascade,
        subnet_id uuid not null references subnets,
        address inet not null,
        released boolean not null default false,
        primary key (port_id, subnet_id, address));
      create unique index port_addresses_key on port_addresses (subnet_id, address) where not released;
      create index port_addresses_released on port_addresses (subnet_id, address) where released;

      create table port_security_groups (
        port_id uuid not null references ports on delete cascade,
        security_group_id uuid not null references security_groups,
        primary key (port_id, security_group_id));
      create index port_security_groups_group on port_security_groups (security_group_id);

      create table floating_ips (
        id uuid primary key default gen_random_uuid(),
        project_id text not null,
        description text not null default '',
        floating_network_id uuid not null references networks,
        floating_port_id uuid not null unique references ports,
        floating_address inet not null,
        port_id uuid references ports,
        fixed_address inet,
        router_id uuid references routers,
        router_revision integer,
        revision integer not null default 1,
        created_at timestamptz(3) not null default now(),
        updated_at timestamptz(3) not null default now(),
        check ((port_id is null) = (fixed_address is null) and (port_id is null) = (router_id is null)
          and (port_id is null) = (router_revision is null)));
      create unique index floating_ips_fixed_key on floating_ips (port_id, fixed_address) where port_id is not null;
      create index floating_ips_project on floating_ips (project_id);
      create index floating_ips_router on floating_ips (router_id);

      create table network_tags (
        resource_id uuid not null,
        tag text not null check (length(tag) between 1 and 255),
        primary key (resource_id, tag));

      create table network_quotas (
        project_id text not null,
        resource text not null,
        maximum integer not null check (maximum >= -1),
        primary key (project_id, resource));

      do $$ declare name text; begin
        foreach name in array array['networks', 'subnets', 'ports', 'routers', 'security_groups'] loop
          execute format('create index %I on %I (updated_at) where settled_revision <> revision or deletion_requested_at is not null',
            name || '_unsettled', name);
        end loop;
      end $$;
    `);
  },
};
