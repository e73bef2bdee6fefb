/** The engines of this host, taken away and given back as `bin/down` and `bin/up` do, or killed. */
import { docker } from '../../host/engines/docker.ts';
import { type Engine, type HostContext, runPath } from '../../host/engines/engine.ts';
import { libvirt } from '../../host/engines/libvirt.ts';
import { ovn } from '../../host/engines/ovn.ts';
import { ovs } from '../../host/engines/ovs.ts';
import { postgres } from '../../host/engines/postgres.ts';
import { contextOf, readSettings } from '../../host/options.ts';
import { becomes, isAlive, readRecord } from '../../host/processes.ts';

export interface Breakable {
  name: string;
  /** Returns when it does not answer any more. */
  down(): Promise<void>;
  /** Returns when it answers again. */
  up(): Promise<void>;
}

/** Each engine twice: stopped as it should be, and killed. Throws when they were not started by bin/test. */
export async function breakables(): Promise<Breakable[]> {
  const dataDir = process.env.CIRROSTACK_TEST_DATA_DIR;
  if (!dataDir) throw new Error('CIRROSTACK_TEST_DATA_DIR is not set: run bin/test --end-to-end.');
  const context = { ...contextOf(dataDir, await readSettings(dataDir)), databaseUrl: null };
  return [
    stopped(context, libvirt),
    killed(context, libvirt, 'libvirtd'),
    stopped(context, docker),
    killed(context, docker, 'dockerd'),
    stopped(context, postgres),
    killed(context, postgres, 'postgresql'),
    stopped(context, ovn),
    killed(context, ovn, 'ovn-controller.monitor', 'ovn-controller', 'ovn-northd.monitor', 'ovn-northd'),
    killed(context, ovn, 'ovnnb_db.monitor', 'ovnnb_db', 'ovnsb_db.monitor', 'ovnsb_db'),
    killed(context, ovs, 'ovs-vswitchd.monitor', 'ovs-vswitchd', 'ovsdb-server.monitor', 'ovsdb-server'),
  ];
}

function stopped(context: HostContext, engine: Engine): Breakable {
  return {
    name: `${engine.name} is stopped`,
    async down() {
      await engine.stop(context);
      // One that runs on is somebody else's: it was there before bin/test, which never stops such.
      if (await engine.answers(context)) throw new Error(`${engine.name} was not started by bin/test: stop it first.`);
    },
    async up() {
      await engine.start(context);
    },
  };
}

/** By SIGKILL to what was recorded at its start; a monitor first, or it would start its daemon again. */
function killed(context: HostContext, engine: Engine, ...records: string[]): Breakable {
  return {
    name: `${engine.name} is killed (${records.filter((name) => !name.includes('.')).join(', ')})`,
    async down() {
      for (const name of records) {
        const record = await readRecord(runPath(context, `${name}.json`));
        if (record === undefined || !isAlive(record)) throw new Error(`${name} was not started by bin/test.`);
        process.kill(record.pid, 'SIGKILL');
        if (!(await becomes(() => !isAlive(record), 60))) throw new Error(`${name} outlives a SIGKILL`);
      }
    },
    async up() {
      await engine.start(context);
    },
  };
}
