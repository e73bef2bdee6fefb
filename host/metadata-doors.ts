/** The namespaces in which guests of this host find the metadata service (network/metadata/). */
import { readdir } from 'node:fs/promises';
import { networkKey, networkOfNamespace } from '../network/metadata/names.ts';
import { execute } from './execute.ts';

/**
 * Takes them off the host, with their links and, where Open vSwitch answers, their ports on the bridge. Whoever needs them makes
 * them again. @returns how many there were.
 */
export async function removeMetadataDoors({ switchAnswers }: { switchAnswers: boolean }): Promise<number> {
  if (switchAnswers) await removeBridgePorts();
  const names = await readdir('/run/netns').catch(() => []);
  const ours = names.filter((name) => networkOfNamespace(name) !== undefined);
  for (const name of ours) await execute('ip', ['netns', 'delete', name]); // the other ends of its links go with it
  return ours.length;
}

async function removeBridgePorts(): Promise<void> {
  const columns = ['--format=json', '--columns=name,external_ids', 'list', 'Interface'];
  const listed = await execute('ovs-vsctl', ['--timeout=10', ...columns]);
  const { data } = JSON.parse(listed) as { data: [string, [string, [string, string][]]][] };
  for (const [name, [, ids]] of data)
    if (ids.some(([key]) => key === networkKey))
      await execute('ovs-vsctl', ['--timeout=10', '--if-exists', 'del-port', name]);
}
