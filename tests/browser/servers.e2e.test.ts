import test from 'ava';
import { closeBrowser, logIn, visit } from './browser.ts';
import { startRunningCloud } from './cloud.ts';
import { prepareGround } from './ground.ts';

test.after.always(closeBrowser);

test('a server is created, stopped, started and deleted, and each step shows by itself', async (t) => {
  const cloud = await startRunningCloud(t);
  await prepareGround(cloud);
  const { page, problems } = await visit(t, cloud);
  await logIn(page, 'member');
  await page.getByText('Nothing runs here yet').waitFor();
  await page.getByRole('link', { name: 'Create server' }).first().click();
  await page.getByLabel('Name').fill('web-1');
  await page.getByRole('button', { name: 'Create server' }).click();

  await page.getByRole('heading', { name: 'web-1', level: 1 }).waitFor();
  const status = page.locator('header .status');
  await status.getByText('ACTIVE').waitFor();
  await page.getByText(/^10\.1\.0\.\d+$/).waitFor();
  await page.getByRole('log', { name: 'Console log' }).getByText('booted').waitFor();
  const history = page.getByRole('table', { name: 'History' });
  await history.getByRole('row', { name: /^create/ }).waitFor();

  const start = page.getByRole('button', { name: 'Start', exact: true });
  t.is(await start.getAttribute('aria-disabled'), 'true');
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await status.getByText('SHUTOFF').waitFor();
  await history.getByRole('row', { name: /^stop/ }).waitFor();
  await start.click();
  await status.getByText('ACTIVE').waitFor();

  await page
    .getByRole('link', { name: /Servers & containers/ })
    .first()
    .click();
  const row = page.getByRole('row', { name: /web-1/ });
  t.regex((await row.textContent()) ?? '', /server.*ACTIVE.*10\.1\.0\.\d+.*blank.*1.*64 MiB/);
  await row.getByRole('link', { name: 'web-1' }).click();
  await page.getByRole('button', { name: 'Delete server web-1' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Nothing runs here yet').waitFor();
  t.deepEqual(problems, []);
});

test('a server that fits no host says why', async (t) => {
  const cloud = await startRunningCloud(t);
  await prepareGround(cloud);
  const flavor = { id: 'huge', name: 'huge', ram: 51_200, vcpus: 20, disk: 100_000 };
  await cloud.ask('admin', 'POST', '/compute/v2.1/flavors', { flavor });
  const { page, problems } = await visit(t, cloud, { path: '/servers/new' });
  await logIn(page, 'member');
  await page.getByLabel('Name').fill('too-big');
  await page.getByLabel('Flavor').selectOption('huge');
  await page.getByRole('button', { name: 'Create server' }).click();
  const alert = page.getByRole('alert');
  await alert.getByText('Why it is in ERROR').waitFor();
  t.regex((await alert.textContent()) ?? '', /host/i);
  t.deepEqual(problems, []);
});

test('a limit that is reached is told with its numbers, and what was typed stays', async (t) => {
  const cloud = await startRunningCloud(t);
  await prepareGround(cloud);
  const flavor = { id: 'wide', name: 'wide', ram: 64, vcpus: 21, disk: 1 };
  await cloud.ask('admin', 'POST', '/compute/v2.1/flavors', { flavor });
  const { page, problems } = await visit(t, cloud, { path: '/servers/new' });
  await logIn(page, 'member');
  await page.getByLabel('Name').fill('too-wide');
  await page.getByLabel('Flavor').selectOption('wide');
  await page.getByRole('button', { name: 'Create server' }).click();
  const alert = page.getByRole('alert');
  await alert.getByText('Could not create the server').waitFor();
  t.regex((await alert.textContent()) ?? '', /Quota exceeded for cores.*21.*20.*Status 403 · request req-/i);
  t.is(await page.getByLabel('Name').inputValue(), 'too-wide');
  t.deepEqual(problems, []);
});

test('what somebody without the right may not do is refused with the cloud’s words', async (t) => {
  const cloud = await startRunningCloud(t);
  await prepareGround(cloud);
  const { page, problems } = await visit(t, cloud, { path: '/networks' });
  await logIn(page, 'reader');
  await page.getByRole('button', { name: 'Delete network private' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  const alert = page.getByRole('dialog').getByRole('alert');
  await alert.waitFor();
  t.regex((await alert.textContent()) ?? '', /delete_network.*Status 403 · request req-/);
  t.deepEqual(problems, []);
});

test('a key pair is made, its private key shown once, and deleted', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/keypairs' });
  await logIn(page, 'member');
  await page.getByText('No key pairs yet').waitFor();
  await page.locator('section', { hasText: 'Make a new pair' }).getByLabel('Name').fill('laptop/1');
  await page.getByRole('button', { name: 'Make' }).click();
  const alert = page.getByRole('alert');
  await alert.waitFor();
  t.regex((await alert.textContent()) ?? '', /Could not make the key pair.*request req-/); // a slash is no part of a name

  await page.locator('section', { hasText: 'Make a new pair' }).getByLabel('Name').fill('my laptop');
  await page.getByRole('button', { name: 'Make' }).click();
  const secret = page.getByRole('region', { name: 'New private key' });
  await secret.getByText('BEGIN OPENSSH PRIVATE KEY').waitFor();
  const saving = page.waitForEvent('download');
  await secret.getByRole('button', { name: 'Save as file' }).click();
  t.is((await saving).suggestedFilename(), 'my_laptop.pem');
  await secret.getByRole('button', { name: 'Done' }).click();
  await secret.waitFor({ state: 'detached' });
  t.false((await page.content()).includes('BEGIN OPENSSH'));

  await page.getByRole('button', { name: 'Delete key pair my laptop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No key pairs yet').waitFor();
  t.deepEqual(problems, []);
});
