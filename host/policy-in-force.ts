import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../common/config/config.ts';
import { compilePolicy, type Policy } from '../common/policy/policy.ts';
import { policyFileOf, readPolicyFile } from '../common/policy/policy-file.ts';
import { type Finding, fail, type HostContext, ok } from './engines/engine.ts';

/** The policy that the cloud of a data directory has, or would have with another file. Throws `BadRequest` when that is not valid. */
export async function policyInForce(dataDir: string, file?: string): Promise<Policy> {
  const { rules } = await import('../cloud.ts'); // the whole program: not for those who only import this
  const path = file ?? (await fileOf(dataDir));
  return path === null ? compilePolicy(rules) : readPolicyFile(path, (overrides) => compilePolicy(rules, overrides));
}

/** From the cloud's own configuration, so that it is the file that its processes read; null: there is none. */
async function fileOf(dataDir: string): Promise<string | null> {
  const configFile = join(dataDir, 'cirrostack.json');
  const config = await readConfig({ ...(existsSync(configFile) && { CIRROSTACK_CONFIG: configFile }) }, []);
  const { path, optional } = policyFileOf({ policyFile: config.policyFile, dataDir });
  return optional && !existsSync(path) ? null : path;
}

/** For the doctor: a running cloud goes on with the policy from before when the file is not valid, and no other would start. */
export async function policy({ dataDir }: HostContext): Promise<Finding[]> {
  try {
    const changed = [...(await policyInForce(dataDir)).values()].filter((entry) => entry.default !== entry.text);
    return [ok('policy', changed.length === 0 ? 'as it comes' : `rules changed by the policy file: ${changed.length}`)];
  } catch (error) {
    const advice = 'Mend the policy file; bin/cirrostack policy show says whether it is valid.';
    return [fail('policy', (error as Error).message, advice)];
  }
}
