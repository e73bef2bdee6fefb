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
  await page
    .getByRole('listitem')
    .getByText(/^10\.1\.0\.\d+$/)
    .waitFor();
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

test('a server is labelled, resized, locked, shelved and put on another network from its page', async (t) => {
  const cloud = await startRunningCloud(t);
  const { imageId, networkId } = await prepareGround(cloud);
  const flavor = { id: 'big', name: 'big', ram: 128, vcpus: 2, disk: 1 };
  await cloud.ask('admin', 'POST', '/compute/v2.1/flavors', { flavor });
  const asked = { name: 'web-2', imageRef: imageId, flavorRef: 'tiny', networks: [{ uuid: networkId }] };
  const { server } = await cloud.ask('member', 'POST', '/compute/v2.1/servers', { server: asked });
  const { page, problems } = await visit(t, cloud, { path: `/servers/${server.id}` });
  await logIn(page, 'member');
  const status = page.locator('header .status');
  await status.getByText('ACTIVE').waitFor();
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const dialog = page.getByRole('dialog');

  await button('Edit …').click();
  await dialog.getByLabel('Name').fill('site');
  await dialog.getByLabel('Description').fill('the front');
  await dialog.getByLabel('Tags').fill('blue, green,');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'site', level: 1 }).waitFor();
  await page.getByText('the front').waitFor();
  t.deepEqual((await cloud.ask('member', 'GET', `/compute/v2.1/servers?tags=blue,green`)).servers.length, 1);

  await button('Resize …').click();
  await dialog.getByRole('button', { name: 'Resize' }).click();
  await status.getByText('VERIFY_RESIZE').waitFor();
  await button('Confirm resize').click();
  await status.getByText('ACTIVE').waitFor();
  await page.getByText('big: 2 vCPUs').waitFor();

  await button('Lock …').click();
  await dialog.getByRole('button', { name: 'Lock' }).click();
  await button('Unlock').waitFor();
  t.is(await button('Stop').getAttribute('aria-disabled'), 'true');
  await button('Unlock').click();
  await button('Lock …').waitFor();

  await button('Attach').click();
  const interfaces = page.getByRole('table', { name: 'Interfaces' });
  await interfaces
    .getByRole('row', { name: /ACTIVE/ })
    .nth(1)
    .waitFor();
  await interfaces
    .getByRole('button', { name: /Detach/ })
    .last()
    .click();
  await dialog.getByRole('button', { name: 'Detach' }).click();
  await interfaces
    .getByRole('button', { name: /Detach/ })
    .nth(1)
    .waitFor({ state: 'detached' });

  await button('Create image …').click();
  await dialog.getByRole('button', { name: 'Create image' }).click();
  await dialog.waitFor({ state: 'detached' });
  await button('Shelve').click();
  await status.getByText('SHELVED_OFFLOADED').waitFor();
  await button('Unshelve').click();
  await status.getByText('ACTIVE').waitFor();
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
