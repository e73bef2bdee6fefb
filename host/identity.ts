/** `cirrostack identity …`: what an operator does to identity beside its API, on the database and the master key. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { migrations } from '../cloud.ts';
import type { Knex } from '../common/database/database.ts';
import { migrate } from '../common/database/migrate.ts';
import { Secret } from '../common/secret.ts';
import { bootstrapIdentity } from '../identity/bootstrap.ts';
import { readMasterKey, rotateKeys } from '../identity/tokens/keys.ts';
import { hashPassword } from '../identity/users/password.ts';
import { resetPassword } from '../identity/users/password-change.ts';
import { onDatabase } from './on-database.ts';
import { defaultDataDir, parseOptions, UsageError } from './options.ts';
import { askForPassword, firstLineOfInput } from './password-input.ts';

export const identityHelp = `Usage: cirrostack identity bootstrap [--password-stdin] [--data-dir DIR]
       cirrostack identity rotate-keys [--data-dir DIR]
       cirrostack identity reset-password USER [--domain DOMAIN] [--password-stdin] [--data-dir DIR]

Works on the cloud's database, which must run; the cloud itself may run or not, and notices at once.

  bootstrap       makes what is missing of the first domain, roles and project, and the user "admin", administrator of both
                  project and system; sets admin's password, enables admin and ends any lockout. The password is asked for,
                  or taken from OS_BOOTSTRAP_PASSWORD, or with --password-stdin from the first line of the input
  rotate-keys     makes a new key that signs tokens from now on. Tokens signed before stay good until they expire: nobody is
                  logged out. Keys whose tokens have all expired go
  reset-password  gives a user, named or by id, another password: the first line of the input with --password-stdin,
                  otherwise one made up, which is printed. Ends the user's tokens and any lockout, whatever the rules for
                  passwords say

  --domain DOMAIN   name or id of the user's domain (Default)
  --password-stdin  reads the password from the first line of the input
  --data-dir DIR    where the cloud keeps everything (${defaultDataDir})
`;

const common = { 'data-dir': { type: 'string', default: defaultDataDir } } as const;
const withPassword = { ...common, 'password-stdin': { type: 'boolean', default: false } } as const;

const actions: Record<string, (argv: string[]) => Promise<void>> = {
  bootstrap,
  'rotate-keys': rotate,
  'reset-password': reset,
};

export async function identity([action = '', ...argv]: string[]): Promise<number> {
  const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (!run) throw new UsageError(`cirrostack identity can ${Object.keys(actions).join(', ')}. See --help.`);
  await run(argv);
  return 0;
}

async function bootstrap(argv: string[]): Promise<void> {
  const options = parseOptions(argv, withPassword);
  const given = options['password-stdin'] ? await firstLineOfInput() : process.env.OS_BOOTSTRAP_PASSWORD;
  const adminPassword = new Secret(given || (await askForPassword('Password of the user admin')));
  await onDatabase(options['data-dir'], async (db, { tokenSeconds }) => {
    await migrate(db, migrations);
    const outcome = await bootstrapIdentity(db, { adminPassword, tokenSeconds });
    say(
      {
        made: 'The user admin was made.',
        unchanged: 'All was there already, and admin has that password.',
        reset: 'The user admin has a new password, and is enabled. Tokens of before have ended.',
      }[outcome],
    );
    if (outcome === 'reset') tellOfClientFiles(options['data-dir']);
  });
}

async function rotate(argv: string[]): Promise<void> {
  const options = parseOptions(argv, common);
  const path = join(options['data-dir'], 'master.key');
  // One made here would seal a key that no process of the cloud could open.
  if (!existsSync(path)) throw new UsageError(`There is no cloud in ${options['data-dir']}: ${path} does not exist.`);
  const master = await readMasterKey(path);
  await onDatabase(options['data-dir'], async (db, { tokenSeconds }) => {
    const { id, removed } = await rotateKeys(db, master, tokenSeconds);
    say(`Key ${id} signs tokens from now on. Those signed before stay good until they expire.`);
    if (removed > 0) say(`Removed keys whose tokens have all expired: ${removed}.`);
  });
}

async function reset([name = '', ...argv]: string[]): Promise<void> {
  if (name === '' || name.startsWith('-')) throw new UsageError('Name the user first, or their id. See --help.');
  const options = parseOptions(argv, { ...withPassword, domain: { type: 'string', default: 'Default' } });
  const given = options['password-stdin'] ? await firstLineOfInput() : '';
  if (options['password-stdin'] && given === '') throw new UsageError('The first line of the input is empty.');
  const password = new Secret(given || randomBytes(18).toString('base64url'));
  await onDatabase(options['data-dir'], async (db, { tokenSeconds }) => {
    const hash = await hashPassword(password);
    const isEnabled = await db.transaction(async (trx) => {
      const user = await findUser(trx, name, options.domain);
      await resetPassword(trx, user, { hash, tokenSeconds });
      return user.enabled;
    });
    say(`${name} has a new password. Tokens of before have ended.`);
    if (!isEnabled) say(`${name} is disabled all the same; openstack user set --enable lets them in again.`);
    if (given === '') process.stdout.write(`${password.reveal()}\n`);
    tellOfClientFiles(options['data-dir']);
  });
}

async function findUser(trx: Knex, name: string, domain: string) {
  const found = await trx('users')
    .join('domains', 'domains.id', 'users.domain_id')
    .where({ 'users.is_shadow': false })
    .where((either) =>
      either
        .where('users.id', name)
        .orWhere((named) =>
          named
            .where('users.name', name)
            .where((inDomain) => inDomain.where('domains.id', domain).orWhere('domains.name', domain)),
        ),
    )
    .orderByRaw('users.id = ? desc', [name])
    .forUpdate('users')
    .first('users.id', 'users.options', 'users.enabled');
  if (!found)
    throw new UsageError(`There is no user ${name} in the domain ${domain}, or they log in at an identity provider.`);
  return found as { id: string; options: Record<string, unknown>; enabled: boolean };
}

/** `bin/up` keeps the first passwords for OpenStack's clients; it would not be right to write a person's there. */
function tellOfClientFiles(dataDir: string): void {
  if (existsSync(join(dataDir, 'credentials.json')))
    say(`If the user is one of those in ${dataDir}/credentials.json, write the new password there and run bin/up.`);
}

/** On standard error, so that a password alone is on standard output. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
