/**
 * What checking passwords alone takes: `node bare-hash.ts` prints one line of JSON, how many were checked in a second by a
 * process that does nothing else, as many at once as the API process is asked by the benchmark, and the processor time of each.
 */
import { Secret } from '../../common/secret.ts';
import { hashPassword, verifyPassword } from '../../identity/users/password.ts';

const atOnce = 8;
const seconds = 6;

const password = new Secret('a password');
const stored = await hashPassword(password);
let checked = 0;
const cpuBefore = process.cpuUsage();
const begun = performance.now();
const worker = async () => {
  for (; performance.now() - begun < seconds * 1000; checked += 1) await verifyPassword(password, stored);
};
await Promise.all(Array.from({ length: atOnce }, worker));
const { user, system } = process.cpuUsage(cpuBefore);
const perSecond = (checked / (performance.now() - begun)) * 1000;
process.stdout.write(`${JSON.stringify({ perSecond, cpuMs: (user + system) / 1000 / checked })}\n`);
