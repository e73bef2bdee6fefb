import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, readConfig } from '../common/config/config.ts';
import { compilePolicy, type Policy } from '../common/policy/policy.ts';
import { policyFileOf, readPolicyFile } from '../common/policy/policy-file.ts';
import { createPropertyProtection } from '../image/property-protection/protection.ts';
import { protectionFileOf, readProtectionFile } from '../image/property-protection/rules-file.ts';
import { type Finding, fail, type HostContext, ok } from './engines/engine.ts';

/** The policy that the cloud of a data directory has, or would have with another file. Throws `BadRequest` when that is not valid. */
export async function policyInForce(dataDir: string, file?: string): Promise<Policy> {
  const { rules } = await import('../cloud.ts'); // the whole program: not for those who only import this
  // The cloud's own configuration, so that they are the files that its processes read.
  const configFile = join(dataDir, 'cirrostack.json');
  const own = await readConfig({ ...(existsSync(configFile) && { CIRROSTACK_CONFIG: configFile }) }, []);
  const config = { ...own, dataDir };
  const path = file ?? there(policyFileOf(config));
  if (path === null) return compilePolicy(rules);
  const used = await policiesOfProperties(config);
  return readPolicyFile(path, (overrides) => compilePolicy(rules, overrides, (name) => used.has(name)));
}

async function policiesOfProperties(config: Config): Promise<ReadonlySet<string>> {
  const path = there(protectionFileOf(config));
  const protection = createPropertyProtection(() => false);
  if (path !== null) protection.replace(await readProtectionFile(path, config.propertyProtectionRuleFormat));
  return new Set(protection.policies());
}

/** Null: there is none, and there need not be one. */
const there = ({ path, optional }: { path: string; optional: boolean }): string | null =>
  optional && !existsSync(path) ? null : path;

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
