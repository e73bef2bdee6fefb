/** OVN: the northbound and southbound databases, northd between them, and the controller of this host. */
import { attempt, execute, succeeds } from '../execute.ts';
import { becomes } from '../processes.ts';
import { startScripted, stopScripted } from './ctl-scripts.ts';
import { type Engine, type Finding, fail, type HostContext, hasSystemd, ok, startUnits, stopUnits } from './engine.ts';
import { datapathType, externalBridge, getExternalId, integrationBridge, setExternalIds } from './ovs.ts';

/** The provider network that br-ex carries. */
export const physicalNetwork = 'external';

const script = '/usr/share/ovn/scripts/ovn-ctl';
const northbound = { name: 'ovnnb_db', script, pidFile: '/var/run/ovn/ovnnb_db.pid' };
const southbound = { name: 'ovnsb_db', script, pidFile: '/var/run/ovn/ovnsb_db.pid' };
const northd = { name: 'ovn-northd', script, pidFile: '/var/run/ovn/ovn-northd.pid' };
const controller = { name: 'ovn-controller', script, pidFile: '/var/run/ovn/ovn-controller.pid' };
const units = ['ovn-ovsdb-server-nb', 'ovn-ovsdb-server-sb', 'ovn-northd', 'ovn-controller'];

export const ovn: Engine = {
  name: 'OVN',

  answers: northboundAnswers,

  async check() {
    return [
      await answering('OVN northbound', northboundAnswers),
      await answering('OVN southbound', southboundAnswers),
      await answering('OVN northd', northdActive),
      await answering('OVN controller', controllerConnected),
    ];
  },

  async start(context) {
    const ran = (await northboundAnswers()) && (await southboundAnswers()) && (await controllerConnected());
    if (hasSystemd()) {
      await startUnits(context, units.slice(0, 3));
    } else {
      await startScripted(context, northbound, ['start_nb_ovsdb']);
      await startScripted(context, southbound, ['start_sb_ovsdb']);
      await startScripted(context, northd, ['--ovn-manage-ovsdb=no', 'start_northd']);
    }
    await joinOvn(context); // before the controller: it makes br-int, and takes the datapath type from there
    if (hasSystemd()) await startUnits(context, units.slice(3));
    else await startScripted(context, controller, ['start_controller']);
    if (
      !(await becomes(
        async () => (await northdActive()) && (await controllerConnected()) && (await bridgeExists()),
        60,
        50,
      ))
    ) {
      throw new Error('OVN does not come up: `cirrostack doctor` tells which part, and its logs why');
    }
    return ran ? 'already running' : 'started';
  },

  async stop(context) {
    if (hasSystemd()) return stopUnits(context, units.toReversed());
    // Without --restart the controller takes its chassis out of the southbound database, as a host going away should.
    await stopScripted(context, controller, ['stop_controller']);
    await stopScripted(context, northd, ['--ovn-manage-ovsdb=no', 'stop_northd']);
    await stopScripted(context, southbound, ['stop_sb_ovsdb']);
    await stopScripted(context, northbound, ['stop_nb_ovsdb']);
  },
};

/** Tells Open vSwitch which OVN this host belongs to. One that somebody else told it already stays. */
async function joinOvn(context: HostContext): Promise<void> {
  if ((await getExternalId('ovn-remote')) === undefined) {
    await setExternalIds({
      'ovn-remote': 'unix:/var/run/ovn/ovnsb_db.sock',
      'ovn-encap-type': 'geneve',
      'ovn-encap-ip': context.tunnelAddress,
      'ovn-bridge-datapath-type': await datapathType(),
      cirrostack: 'joined', // so that purge knows that br-int came into being for us
    });
  }
  const mappings = await bridgeMappings();
  if (!mappings.includes(mapping)) await setExternalIds({ 'ovn-bridge-mappings': [...mappings, mapping].join(',') });
}

/** Takes back what `start` told Open vSwitch. @returns whether br-int is ours to remove. */
export async function leaveOvn(): Promise<boolean> {
  const rest = (await bridgeMappings()).filter((each) => each !== mapping);
  await setExternalIds({ 'ovn-bridge-mappings': rest.length === 0 ? null : rest.join(',') });
  if ((await getExternalId('cirrostack')) === undefined) return false;
  const keys = ['ovn-remote', 'ovn-encap-type', 'ovn-encap-ip', 'ovn-bridge-datapath-type', 'cirrostack'];
  await setExternalIds(Object.fromEntries(keys.map((key) => [key, null])));
  return true;
}

const mapping = `${physicalNetwork}:${externalBridge}`;

async function bridgeMappings(): Promise<string[]> {
  return (await getExternalId('ovn-bridge-mappings'))?.split(',') ?? [];
}

async function answering(name: string, probe: () => Promise<boolean>): Promise<Finding> {
  return (await probe()) ? ok(name, 'answers') : fail(name, 'does not answer', 'Run bin/up.');
}

function northboundAnswers(): Promise<boolean> {
  return succeeds('ovn-nbctl', ['--timeout=5', 'get', 'NB_Global', '.', '_uuid']);
}

function southboundAnswers(): Promise<boolean> {
  return succeeds('ovn-sbctl', ['--timeout=5', 'get', 'SB_Global', '.', '_uuid']);
}

async function northdActive(): Promise<boolean> {
  return appctlSays('ovn-northd', 'status', 'active');
}

async function controllerConnected(): Promise<boolean> {
  return appctlSays('ovn-controller', 'connection-status', 'connected');
}

async function appctlSays(daemon: string, command: string, expected: string): Promise<boolean> {
  const { stdout } = await attempt('ovn-appctl', ['--timeout=5', '-t', daemon, command]).catch(() => ({ stdout: '' }));
  return stdout.trim().replace('Status: ', '') === expected;
}

async function bridgeExists(): Promise<boolean> {
  return (await execute('ovs-vsctl', ['--timeout=5', 'list-br'])).split('\n').includes(integrationBridge);
}
