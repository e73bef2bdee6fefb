import type { Answer, Asked, TestCloud } from '../cloud.ts';
import type { Caller } from './callers.ts';
import type { Thing, Things } from './things.ts';

/** Asks as the caller. What waits for a host's answer gets it: the loops run meanwhile. */
export async function ask(cloud: TestCloud, { token }: Caller, asked: Asked): Promise<Answer> {
  const headers = { ...asked.headers, ...(token !== '' && { 'x-auth-token': token }) };
  let isAnswered = false;
  const answer = cloud.anonymous.request({ ...asked, headers }).finally(() => {
    isAnswered = true;
  });
  while (!isAnswered) {
    await Promise.race([answer.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 50))]);
    if (!isAnswered) await cloud.settle();
  }
  return await answer;
}

const variable = new Set(['x-openstack-request-id', 'x-compute-request-id', 'date', 'content-length']);

/** All that an answer tells, as text to compare. */
export type Told = string;

/**
 * With the ids that were asked for, request ids, times and what the caller has taken out. Of what was newly made only that it was: it has an id,
 * addresses and more of its own.
 */
export function told(
  { status, headers, text }: Answer,
  named: readonly Thing[],
  things: Things,
  { isNew }: { isNew: boolean },
): Told {
  const lines = Object.entries(headers)
    .filter(([name]) => !variable.has(name))
    .map(([name, value]) => `${name}: ${value}`);
  let all = [status, ...lines.sort(), isNew ? '' : text].join('\n').replace(/\(you have [^()]*\)/g, '(you have …)');
  for (const thing of named)
    for (const form of new Set([things[thing], encodeURIComponent(things[thing])]))
      all = all.replaceAll(form, `<${thing}>`);
  return all
    .replace(/req-[0-9a-f-]{36}/g, '<request id>')
    .replace(/Up \d+ (seconds|mins)/g, 'Up <time>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\dZ+:]*/g, '<time>');
}
