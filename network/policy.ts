import { authenticated, definePolicy, projectMember, projectReader } from '../common/policy/rules.ts';

const project = ['project'] as const;
/** An attribute, or a whole operation, for administrators. */
const adminOnly = (description: string) => ({ check: 'rule:context_is_admin', scopes: project, description }) as const;
/** Whoever owns the network that the object is on. */
const networkOwner = (description: string) =>
  ({
    check: 'rule:context_is_admin or (role:member and rule:network_owner)',
    scopes: project,
    description,
  }) as const;

/** Neutron's rule names, with its defaults since "consistent and secure RBAC". Those with a second part guard one attribute. */
export const networkPolicy = definePolicy({
  get_versions: authenticated('List the resources of the version'),
  get_extension: projectReader('List extensions'),

  create_network: projectMember('Create a network'),
  'create_network:shared': adminOnly('Create a network that every project may use'),
  'create_network:router:external': adminOnly('Create a network that routers may have their gateway on'),
  'create_network:is_default': adminOnly('Create the external network that is taken where none is named'),
  'create_network:port_security_enabled': projectMember('Say whether ports of a new network are secured'),
  'create_network:mtu': adminOnly('Choose the MTU of a new network'),
  'create_network:provider': adminOnly('Say which physical network a new network is'),
  get_network: projectReader('Show networks'),
  'get_network:provider': adminOnly('Show which physical network a network is'),
  update_network: projectMember('Change a network'),
  'update_network:shared': adminOnly('Share a network with every project, or end it'),
  'update_network:router:external': adminOnly('Make a network external, or end it'),
  'update_network:is_default': adminOnly('Make an external network the one that is taken where none is named'),
  'update_network:mtu': adminOnly('Change the MTU of a network'),
  delete_network: projectMember('Delete a network'),

  create_subnet: networkOwner('Create a subnet'),
  get_subnet: projectReader('Show subnets'),
  update_subnet: networkOwner('Change a subnet'),
  delete_subnet: networkOwner('Delete a subnet'),

  create_port: projectMember('Create a port'),
  'create_port:device_owner': adminOnly('Create a port with an owner of the network service'),
  'create_port:mac_address': networkOwner('Choose the MAC address of a new port'),
  'create_port:fixed_ips:ip_address': networkOwner('Choose the addresses of a new port'),
  'create_port:port_security_enabled': networkOwner('Say whether a new port is secured'),
  'create_port:allowed_address_pairs': networkOwner('Allow further addresses on a new port'),
  'create_port:binding:host_id': adminOnly('Say which host carries a new port'),
  'create_port:binding:profile': adminOnly('Give a new port a binding profile'),
  'create_port:binding:vnic_type': projectMember('Choose the kind of interface of a new port'),
  get_port: projectReader('Show ports'),
  'get_port:binding': adminOnly('Show where a port is bound'),
  update_port: projectMember('Change a port'),
  'update_port:device_owner': adminOnly('Give a port an owner of the network service'),
  'update_port:mac_address': adminOnly('Change the MAC address of a port'),
  'update_port:fixed_ips:ip_address': networkOwner('Choose the addresses of a port'),
  'update_port:port_security_enabled': networkOwner('Change whether a port is secured'),
  'update_port:allowed_address_pairs': networkOwner('Allow further addresses on a port'),
  'update_port:binding:host_id': adminOnly('Say which host carries a port'),
  'update_port:binding:profile': adminOnly('Change the binding profile of a port'),
  'update_port:binding:vnic_type': projectMember('Change the kind of interface of a port'),
  delete_port: projectMember('Delete a port'),

  create_router: projectMember('Create a router'),
  'create_router:external_gateway_info:enable_snat': adminOnly('Say whether a new router translates source addresses'),
  'create_router:external_gateway_info:external_fixed_ips': adminOnly('Choose the address of a new router’s gateway'),
  get_router: projectReader('Show routers'),
  update_router: projectMember('Change a router'),
  'update_router:external_gateway_info:enable_snat': adminOnly('Say whether a router translates source addresses'),
  'update_router:external_gateway_info:external_fixed_ips': adminOnly('Choose the address of a router’s gateway'),
  delete_router: projectMember('Delete a router'),
  add_router_interface: projectMember('Connect a router to a subnet'),
  remove_router_interface: projectMember('Disconnect a router from a subnet'),
  add_extraroutes: projectMember('Add routes to a router'),
  remove_extraroutes: projectMember('Remove routes from a router'),

  create_floatingip: projectMember('Create a floating IP'),
  'create_floatingip:floating_ip_address': adminOnly('Choose the address of a floating IP'),
  get_floatingip: projectReader('Show floating IPs'),
  update_floatingip: projectMember('Change a floating IP'),
  delete_floatingip: projectMember('Delete a floating IP'),

  create_security_group: projectMember('Create a security group'),
  get_security_group: projectReader('Show security groups'),
  update_security_group: projectMember('Change a security group'),
  delete_security_group: projectMember('Delete a security group'),
  create_security_group_rule: projectMember('Create a security group rule'),
  get_security_group_rule: projectReader('Show security group rules'),
  delete_security_group_rule: projectMember('Delete a security group rule'),

  get_tags: projectReader('Show the tags of a resource'),
  update_tags: projectMember('Add or replace tags of a resource'),
  delete_tags: projectMember('Remove tags of a resource'),

  get_auto_allocated_topology: projectReader('Get the network of a project that wants any'),
  delete_auto_allocated_topology: projectMember('Delete the network of a project that wanted any'),

  list_quotas: adminOnly('List quotas of all projects'),
  get_quota: projectReader('Show quotas'),
  update_quota: adminOnly('Change quotas'),
  delete_quota: adminOnly('Give a project the default quotas again'),
});
