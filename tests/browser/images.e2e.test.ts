import { randomBytes } from 'node:crypto';
import test from 'ava';
import { closeBrowser, logIn, visit } from './browser.ts';
import { startRunningCloud } from './cloud.ts';

test.after.always(closeBrowser);

test('an image is uploaded and deleted', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/images' });
  await logIn(page, 'member');
  await page.getByText('No images yet').waitFor();
  await page.getByRole('link', { name: 'Upload image' }).first().click();
  t.is(await page.getByRole('button', { name: 'Upload' }).getAttribute('aria-disabled'), 'true');
  const buffer = randomBytes(3 * 1024 * 1024);
  await page.getByLabel('File').setInputFiles({ name: 'disk.raw', mimeType: '', buffer });
  t.is(await page.getByLabel('Name').inputValue(), 'disk');
  t.is(await page.getByLabel('Format').inputValue(), 'raw');
  await page.getByRole('button', { name: 'Upload' }).click();
  const row = page.getByRole('row', { name: /disk/ });
  await row.getByText('active').waitFor();
  t.regex((await row.textContent()) ?? '', /3 MiB/);

  await row.getByRole('button', { name: 'Delete image disk' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('No images yet').waitFor();
  t.deepEqual(problems, []);
});

test('a file that is not what it is said to be is refused with the reason, and nothing stays', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/images/new' });
  await logIn(page, 'member');
  await page.getByLabel('File').setInputFiles({ name: 'lie.qcow2', mimeType: '', buffer: randomBytes(100_000) });
  await page.getByRole('button', { name: 'Upload' }).click();
  const alert = page.getByRole('alert');
  await alert.waitFor();
  t.regex((await alert.textContent()) ?? '', /qcow2[\s\S]*request req-/);
  t.deepEqual((await cloud.ask('member', 'GET', '/image/v2/images')).images, []);
  t.deepEqual(problems, []);
});
