/** Every route of every service, called by everybody. */
import test from 'ava';
import { makeStores } from '../../image/stores/testing.ts';
import { startTestCloud } from '../cloud.ts';
import { callsOf } from './calls.ts';
import { walk } from './matrix.ts';
import { uncovered } from './ways.ts';

test('every route of every service is in the matrix', async (t) => {
  const cloud = await startTestCloud(t);
  const services = cloud.modules.map((module) => module.service);
  const names = services.map((service) => service.name);
  const gone = Object.keys(callsOf).filter((name) => !names.includes(name));
  t.deepEqual(gone, [], 'services that are no more, in tests/owner-matrix/calls.ts');
  t.deepEqual(
    services.flatMap((service) => uncovered(service, callsOf[service.name])),
    [],
  );
});

test('what is not yours is not there, and whoever has no right is refused before anything is told', async (t) => {
  t.timeout(900_000); // against hanging; some thousand requests are 20 s of work
  // Everybody fails to log in here, and from one address.
  const patient = { failedLoginsPerAccount: 0, failedLoginsPerAddress: 0 };
  const { settings } = await makeStores(t);
  const cloud = await startTestCloud(t, { ...patient, ...settings });
  const findings = await walk(cloud, callsOf);
  for (const finding of findings) t.log(finding);
  t.is(findings.length, 0, 'findings, told above');
});
