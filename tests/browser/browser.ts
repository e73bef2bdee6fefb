import type { ExecutionContext } from 'ava';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Persona, personas } from '../personas.ts';
import type { RunningCloud } from './cloud.ts';

/** Chromium as Debian packages it; it must ask nobody but the cloud for anything. */
const options = {
  executablePath: process.env.CIRROSTACK_TEST_CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', // the tests run as root, which its sandbox refuses
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
    '--no-default-browser-check',
  ],
};

let running: Promise<Browser> | undefined;

export interface Visit {
  page: Page;
  /** What no page may ever do: break the policy, run what was typed, fail in the program, ask another place. */
  problems: string[];
}

/** A fresh visitor's page at the dashboard; the test fails when it did what no page may. */
export async function visit(
  t: ExecutionContext,
  cloud: RunningCloud,
  { path = '/', width = 1280, height = 800, dark = false } = {},
): Promise<Visit> {
  running ??= chromium.launch(options);
  const browser = await running;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light' });
  const page = await context.newPage();
  t.teardown(async () => {
    if (!t.passed) t.log(`the page when it failed:\n${await page.locator('body').ariaSnapshot()}`);
    await context.close();
  });
  page.setDefaultTimeout(60_000);
  const problems: string[] = [];
  page.on('console', (message) => {
    // An answer that says no is logged by the browser itself; what the page makes of it is what tests look at.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(`error in the page: ${error.message}`));
  page.on('dialog', async (dialog) => {
    problems.push(`script ran: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${cloud.url}/`) && !request.url().startsWith('blob:'))
      problems.push(`asked another place: ${request.url()}`);
  });
  await page.goto(`${cloud.url}/dashboard${path}`);
  return { page, problems };
}

/** Ends the browser; call it in `test.after.always`. */
export async function closeBrowser(): Promise<void> {
  await (await running)?.close();
  running = undefined;
}

/** Types in what the log-in asks for and sends it. */
export async function sendPassword(page: Page, persona: Persona, password: string): Promise<void> {
  await page.getByLabel('User name').fill(persona);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Logs in as a person does. */
export async function logIn(page: Page, persona: Persona): Promise<void> {
  await sendPassword(page, persona, personas[persona].password);
  await page.getByLabel('User name').waitFor({ state: 'detached' });
}
