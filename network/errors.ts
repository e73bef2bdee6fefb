/**
 * Failures that clients of the Networking API tell apart by name: the class's name is the `type` of the answer. The names
 * are those of neutron_lib/exceptions and neutron's extensions.
 */
import { BadRequest, Conflict } from '../common/errors.ts';

export class InvalidInput extends BadRequest {}
export class GatewayConflictWithAllocationPools extends Conflict {}
export class OverlappingAllocationPools extends Conflict {}
export class OutOfBoundsAllocationPool extends BadRequest {}
export class InvalidIpForSubnet extends BadRequest {}
export class InvalidIpForNetwork extends BadRequest {}
export class IpAddressInUse extends Conflict {}
export class MacAddressInUse extends Conflict {}
/** Terraform tries again when it sees this name. */
export class IpAddressGenerationFailure extends Conflict {}
/** Terraform tries again when it sees this name. */
export class ExternalIpAddressExhausted extends BadRequest {}
/** There is nothing to make a network with a way out of. */
export class AutoAllocationFailure extends Conflict {}
export class DefaultExternalNetworkExists extends Conflict {}
export class NetworkInUse extends Conflict {}
export class SubnetInUse extends Conflict {}
export class PortInUse extends Conflict {}
/** Deleting a port that a router holds. */
export class ServicePortInUse extends Conflict {}
export class RouterInUse extends Conflict {}
export class RouterInterfaceInUseByFloatingIP extends Conflict {}
export class RouterExternalGatewayInUseByFloatingIp extends Conflict {}
export class InvalidSharedSetting extends Conflict {}
export class ExternalNetworkInUse extends Conflict {}
export class SecurityGroupInUse extends Conflict {}
export class SecurityGroupDefaultAlreadyExists extends Conflict {}
export class SecurityGroupCannotRemoveDefault extends Conflict {}
export class SecurityGroupCannotUpdateDefault extends Conflict {}
export class SecurityGroupRuleExists extends Conflict {}
export class FloatingIPPortAlreadyAssociated extends Conflict {}
export class AddressPairAndPortSecurityRequired extends Conflict {}
export class PortSecurityAndIPRequiredForSecurityGroups extends BadRequest {}
export class PortSecurityPortHasSecurityGroup extends Conflict {}
