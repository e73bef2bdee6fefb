import test from 'ava';
import type { Page } from 'playwright-core';
import { personas } from '../personas.ts';
import { closeBrowser, logIn, sendPassword, visit } from './browser.ts';
import { startRunningCloud } from './cloud.ts';

test.after.always(closeBrowser);

const overview = { name: 'Servers & containers', level: 1 } as const;

/** What the tab keeps. */
async function sessionOf(page: Page): Promise<{ token: string }> {
  return JSON.parse(await page.evaluate(() => sessionStorage.getItem('cirrostack.session') ?? ''));
}

test('one logs in to the page one wanted to see, and logging out ends the token', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/security-groups' });
  await logIn(page, 'member');
  await page.getByRole('heading', { name: 'Security groups', level: 1 }).waitFor();
  t.is(new URL(page.url()).pathname, '/dashboard/security-groups');

  await page.reload();
  await page.getByRole('link', { name: 'default' }).waitFor();
  t.deepEqual(await page.context().cookies(), []);
  t.is(await page.evaluate(() => localStorage.length), 0);
  const { token } = await sessionOf(page);

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByLabel('User name').waitFor();
  t.is(await page.evaluate(() => sessionStorage.length), 0);
  const answer = await fetch(`${cloud.url}/network/v2.0/networks`, { headers: { 'x-auth-token': token } });
  t.is(answer.status, 401);
  t.deepEqual(problems, []);
});

test('a wrong password is told with the cloud’s words and the request id, and what was typed stays', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud);
  await sendPassword(page, 'member', 'wrong');
  const alert = page.getByRole('alert');
  await alert.waitFor();
  t.regex((await alert.textContent()) ?? '', /requires authentication[\s\S]*Status 401 · request req-[0-9a-f-]{36}/);
  t.is(await page.getByLabel('User name').inputValue(), 'member');
  t.deepEqual(problems, []);
});

test('somebody without a role in any project is told so', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page } = await visit(t, cloud);
  await sendPassword(page, 'nobody', personas.nobody.password);
  t.regex((await page.getByRole('alert').textContent()) ?? '', /no role in any project/);
});

test('where there are several projects one chooses, and can change one’s mind later', async (t) => {
  const cloud = await startRunningCloud(t);
  const { projects } = await cloud.ask('admin', 'GET', '/identity/v3/projects?name=p2');
  const { users } = await cloud.ask('admin', 'GET', '/identity/v3/users?name=member');
  const { roles } = await cloud.ask('admin', 'GET', '/identity/v3/roles?name=reader');
  const grant = `/identity/v3/projects/${projects[0].id}/users/${users[0].id}/roles/${roles[0].id}`;
  await cloud.ask('admin', 'PUT', grant);
  await cloud.ask('member', 'POST', '/network/v2.0/networks', { network: { name: 'of-p1' } });
  await cloud.ask('stranger', 'POST', '/network/v2.0/networks', { network: { name: 'of-p2' } });

  const { page, problems } = await visit(t, cloud, { path: '/networks' });
  await logIn(page, 'member');
  await page.getByLabel('Project').selectOption('p1');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('rowheader', { name: 'of-p1' }).waitFor();

  await page.getByLabel('Project').selectOption('p2');
  await page.getByRole('heading', overview).waitFor();
  await page.getByRole('link', { name: 'Networks' }).click();
  await page.getByRole('rowheader', { name: 'of-p2' }).waitFor();
  t.is(await page.getByText('of-p1').count(), 0);
  t.deepEqual(problems, []);
});

test('a token that ends while one looks leads back to the log-in, and from there to the same page', async (t) => {
  const cloud = await startRunningCloud(t);
  const { page, problems } = await visit(t, cloud, { path: '/networks' });
  await logIn(page, 'member');
  await page.getByRole('heading', { name: 'Networks', level: 1 }).waitFor();
  const { token } = await sessionOf(page);
  await fetch(`${cloud.url}/identity/v3/auth/tokens`, {
    method: 'DELETE',
    headers: { 'x-auth-token': token, 'x-subject-token': token },
  });
  await page.getByRole('link', { name: 'Routers' }).click();
  await page.getByText('Your session has ended').waitFor();
  await logIn(page, 'member');
  await page.getByRole('heading', { name: 'Routers', level: 1 }).waitFor();
  t.deepEqual(problems, []);
});

test('an address that leads elsewhere after the log-in leads to the overview', async (t) => {
  const cloud = await startRunningCloud(t);
  for (const next of [
    'https://elsewhere.invalid/',
    '//elsewhere.invalid',
    '/..//elsewhere.invalid',
    'javascript:alert(1)',
  ]) {
    const { page, problems } = await visit(t, cloud, { path: `/log-in?next=${encodeURIComponent(next)}` });
    await logIn(page, 'member');
    await page.getByRole('heading', overview).waitFor();
    t.regex(page.url(), new RegExp(`^${cloud.url}/dashboard/?$`), next);
    t.deepEqual(problems, [], next);
  }
});

test('the page cannot be framed', async (t) => {
  const cloud = await startRunningCloud(t);
  const answer = await fetch(`${cloud.url}/dashboard/`);
  t.regex(answer.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/);
  t.is(answer.headers.get('x-content-type-options'), 'nosniff');
  t.false((await answer.text()).includes(personas.member.password));
});
