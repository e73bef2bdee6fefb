/** Tenant networks on OVN, by its northbound database. */
import { Unavailable } from '../../../common/errors.ts';
import { checkNetwork, checkPort, checkRouter, checkSecurityGroup, checkSubnet } from '../checks.ts';
import type {
  NetworkDriver,
  NetworkObjectKind,
  NetworkSpec,
  PortSpec,
  RouterSpec,
  SecurityGroupSpec,
  SubnetSpec,
} from '../driver.ts';
import { type Northbound, northbound, type Southbound, southbound } from './columns.ts';
import { gatewaysFor, inOrderOf } from './gateways.ts';
import { isMarked } from './names.ts';
import { planNetwork, planNetworkRemoval } from './networks.ts';
import { Changes } from './operations.ts';
import { OvsdbClient, TransactionRefused } from './ovsdb.ts';
import type { NorthboundChanges } from './plan.ts';
import { planPort, planPortRemoval } from './ports.ts';
import { type ChooseGateways, planRouter, planRouterRemoval } from './routers.ts';
import { planSecurityGroup, planSecurityGroupRemoval } from './security-groups.ts';
import { planSubnet, planSubnetRemoval } from './subnets.ts';

export interface OvnDriverOptions {
  /** Of OVN_Northbound: `unix:PATH` or `tcp:HOST:PORT`, several separated by commas. */
  northbound: string;
  /** Of OVN_Southbound, to see which hosts reach which physical network; or those hosts' chassis names (OVS `system-id`). */
  gateways: { southbound: string } | { chassis: string[] };
  /** How long one call to the database may take. Milliseconds. */
  limitMs?: number;
}

/** In which table the rows of each kind are. */
const TABLES = {
  network: 'Logical_Switch',
  subnet: 'DHCP_Options',
  port: 'Logical_Switch_Port',
  router: 'Logical_Router',
  'security-group': 'Port_Group',
} as const satisfies Record<NetworkObjectKind, keyof Northbound>;

const REMOVALS: Record<NetworkObjectKind, (changes: NorthboundChanges, id: string) => void> = {
  network: planNetworkRemoval,
  subnet: planSubnetRemoval,
  port: planPortRemoval,
  router: planRouterRemoval,
  'security-group': planSecurityGroupRemoval,
};

/** Two are what conflicts between two writers need; more means that something keeps changing what we make. */
const MAX_ATTEMPTS = 8;
/** How long our own change may take from the answer to the replica; measured: it is there before the answer. */
const ECHO_LIMIT_MS = 500;

export class OvnDriver implements NetworkDriver {
  readonly #options: OvnDriverOptions;
  readonly #northbound: OvsdbClient<Northbound>;
  readonly #southbound: OvsdbClient<Southbound> | undefined;

  /** Connects in the background; calls wait for it. Throws when an address is malformed. */
  constructor(options: OvnDriverOptions) {
    const { gateways, limitMs = 10_000 } = options;
    this.#options = options;
    if ('southbound' in gateways) {
      const address = gateways.southbound;
      this.#southbound = new OvsdbClient({ address, database: 'OVN_Southbound', schema: southbound, limitMs });
    }
    this.#northbound = new OvsdbClient({
      address: options.northbound,
      database: 'OVN_Northbound',
      schema: northbound,
      limitMs,
    });
  }

  async ensureNetwork(spec: NetworkSpec): Promise<void> {
    checkNetwork(spec);
    await this.#settle((changes) => planNetwork(changes, spec));
  }

  async ensureSubnet(spec: SubnetSpec): Promise<void> {
    checkSubnet(spec);
    await this.#settle((changes) => planSubnet(changes, spec));
  }

  async ensurePort(spec: PortSpec): Promise<void> {
    checkPort(spec);
    await this.#settle((changes) => planPort(changes, spec));
  }

  async ensureRouter(spec: RouterSpec): Promise<void> {
    checkRouter(spec);
    const chooseGateways = await this.#chooseGateways(spec);
    await this.#settle((changes) => planRouter(changes, spec, chooseGateways));
  }

  async ensureSecurityGroup(spec: SecurityGroupSpec): Promise<void> {
    checkSecurityGroup(spec);
    await this.#settle((changes) => planSecurityGroup(changes, spec));
  }

  async remove(kind: NetworkObjectKind, id: string): Promise<void> {
    await this.#settle((changes) => REMOVALS[kind](changes, id));
  }

  async list(kind: NetworkObjectKind): Promise<string[]> {
    const ids: string[] = [];
    for (const [id, row] of (await this.#northbound.tables()).rows(TABLES[kind])) {
      if (isMarked(row, kind)) ids.push(id);
    }
    return ids;
  }

  async portStatus(id: string): Promise<'up' | 'down' | undefined> {
    const port = (await this.#northbound.tables()).find('Logical_Switch_Port', id);
    if (port === undefined || !isMarked(port, 'port')) return undefined;
    return port.up === true ? 'up' : 'down';
  }

  onPortStatus(listener: (portId: string) => void): () => void {
    return this.#northbound.onChange((changes) => {
      for (const { table, uuid, before, after } of changes) {
        if (table === 'Logical_Switch_Port' && before?.up !== after?.up) listener(uuid);
      }
    });
  }

  async check(): Promise<void> {
    const { northbound: address, gateways } = this.#options;
    await this.#northbound.tables().catch(explain('northbound', address));
    if ('southbound' in gateways) await this.#southbound?.tables().catch(explain('southbound', gateways.southbound));
  }

  async close(): Promise<void> {
    await Promise.all([this.#northbound.close(), this.#southbound?.close()]);
  }

  /**
   * Plans and commits until the plan is empty, so that what it returns from is seen to be as wanted, not just asked for. Each
   * round looks afresh; a conflict with somebody else's transaction costs one.
   */
  async #settle(plan: (changes: NorthboundChanges) => void): Promise<void> {
    let fault: unknown;
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const changes = new Changes(northbound, await this.#northbound.tables());
      plan(changes);
      if (changes.isEmpty) return;
      const echo = this.#northbound.changed(ECHO_LIMIT_MS);
      try {
        await this.#northbound.transact(changes.operations);
      } catch (error) {
        if (!(error instanceof TransactionRefused && error.isConflict)) throw error;
        fault = error;
      }
      await echo;
    }
    throw new Unavailable('The network engine keeps changing what is being written to it.', { cause: fault });
  }

  async #chooseGateways({ gateway }: RouterSpec): Promise<ChooseGateways> {
    const { gateways } = this.#options;
    if ('chassis' in gateways) return (_, routerId) => inOrderOf(gateways.chassis, routerId);
    if (gateway === null || this.#southbound === undefined) return () => [];
    const tables = await this.#southbound.tables();
    return (physicalNetwork, routerId) => gatewaysFor(tables, physicalNetwork, routerId);
  }
}

function explain(database: 'northbound' | 'southbound', address: string) {
  return (cause: unknown): never => {
    const advice = 'Start it (ovn-ctl start_northd) or correct the address in the configuration.';
    throw new Unavailable(`OVN's ${database} database does not answer at ${address}. ${advice}`, { cause });
  };
}
