import test from 'ava';
import { closeBrowser, logIn, visit } from './browser.ts';
import { startRunningCloud } from './cloud.ts';
import { prepareGround } from './ground.ts';

test.after.always(closeBrowser);

test('a container is created, runs a command, is stopped, started and deleted', async (t) => {
  const cloud = await startRunningCloud(t);
  await prepareGround(cloud);
  const { page, problems } = await visit(t, cloud);
  await logIn(page, 'member');
  await page.getByRole('link', { name: 'Create container' }).first().click();
  await page.getByLabel('Name').fill('cache');
  await page.getByLabel('Command').fill('sleep "3600');
  await page.getByText('A quote in the command is still open.').waitFor({ state: 'attached' });
  await page.getByLabel('Command').fill('sleep 3600');
  await page.getByLabel('Environment').fill('GREETING=hello world');
  await page.getByRole('button', { name: 'Create container' }).click();

  await page.getByRole('heading', { name: 'cache', level: 1 }).waitFor();
  const status = page.locator('header .status');
  await status.getByText('Running').waitFor();
  await page.getByText('GREETING=hello world').waitFor();
  await page.getByText(/^10\.1\.0\.\d+$/).waitFor();

  await page.getByLabel('Command').fill("echo 'it runs' here");
  await page.getByRole('button', { name: 'Run' }).click();
  await page.getByRole('log', { name: 'Output' }).getByText('it runs here').waitFor();
  await page.getByText('exit code 0').waitFor();

  const start = page.getByRole('button', { name: 'Start' });
  t.is(await start.getAttribute('aria-disabled'), 'true');
  await page.getByRole('button', { name: 'Stop' }).click();
  await status.getByText('Stopped').waitFor();
  t.is(await page.getByRole('button', { name: 'Run' }).getAttribute('aria-disabled'), 'true');
  await start.click();
  await status.getByText('Running').waitFor();

  await page.getByRole('button', { name: 'Delete container cache' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('Nothing runs here yet').waitFor();
  t.deepEqual(problems, []);
});

test('servers and containers stand in one list, which the address narrows', async (t) => {
  const cloud = await startRunningCloud(t);
  const { imageId, networkId } = await prepareGround(cloud);
  await cloud.ask('member', 'POST', '/compute/v2.1/servers', {
    server: { name: 'web', imageRef: imageId, flavorRef: 'tiny', networks: [{ uuid: networkId }] },
  });
  await cloud.ask('member', 'POST', '/container/v1/containers?run=true', { name: 'cache', image: 'busybox' });
  const { page, problems } = await visit(t, cloud);
  await logIn(page, 'member');
  const table = page.getByRole('table', { name: 'Servers and containers' });
  await table.getByRole('row', { name: /web.*server.*ACTIVE/ }).waitFor();
  await table.getByRole('row', { name: /cache.*container.*Running/ }).waitFor();

  await page.getByLabel('Kind').selectOption('Containers');
  await table.getByRole('row', { name: /web/ }).waitFor({ state: 'detached' });
  t.is(new URL(page.url()).search, '?kind=container');
  await page.reload();
  await table.getByRole('row', { name: /cache/ }).waitFor();
  t.is(await table.getByRole('row', { name: /web/ }).count(), 0);
  await page.getByLabel('Search').fill('nothing of this name');
  await page.getByText('Nothing matches').waitFor();
  t.deepEqual(problems, []);
});

test('what a container writes is shown as text', async (t) => {
  const cloud = await startRunningCloud(t);
  await prepareGround(cloud);
  const printed = '<img src=x onerror=alert(1)>\u001b]0;title\u0007\u001b[31m!';
  const body = { name: 'loud', image: 'busybox', command: `echo '${printed}'` };
  const { uuid } = await cloud.ask('member', 'POST', '/container/v1/containers?run=true', body);
  const { page, problems } = await visit(t, cloud, { path: `/containers/${uuid}` });
  await logIn(page, 'member');
  await page.getByRole('log', { name: 'Logs' }).getByText('<img src=x onerror=alert(1)>!', { exact: true }).waitFor();
  t.deepEqual(problems, []);
});
