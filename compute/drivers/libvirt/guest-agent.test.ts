import { access, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Conflict } from '../../../common/errors.ts';
import type { PowerState } from '../driver.ts';
import type { Domains } from './domains.ts';
import { thawAllLeftFrozen, whileFrozen } from './guest-agent.ts';
import { GuestDirectory } from './guest-directory.ts';

const id = '00000000-0000-4000-8000-000000000000';

test('a guest whose agent was too busy to be thawed is thawed later, as long as it has the memory that is frozen', async (t) => {
  const files = await mkdtemp(join(tmpdir(), 'cirrostack-agent-'));
  t.teardown(() => rm(files, { recursive: true }));
  const directory = new GuestDirectory(files, id);
  await mkdir(directory.path);
  const guest = { id, power: 'running' as PowerState };
  let answers = false;
  let asked = 0;
  const domains = {
    observe: async () => guest,
    on: async () => {
      asked += 1;
      if (!answers) throw new Conflict('its guest agent does not answer');
      return true;
    },
  } as unknown as Domains;
  const isNoted = () =>
    access(join(directory.path, 'frozen')).then(
      () => true,
      () => false,
    );
  const sweep = () => thawAllLeftFrozen(domains, files, [guest]);
  const copy = () => whileFrozen(domains, directory, { id, guestAgent: { mustQuiesce: false } }, sweep);

  await copy();
  t.is(asked, 2, 'it was frozen and let go; whoever looks after all of them left it alone meanwhile');
  t.true(await isNoted(), 'that it was let go was not answered');
  t.deepEqual(await sweep(), []);
  t.true(await isNoted());
  guest.power = 'suspended';
  await sweep();
  t.is(asked, 3);
  t.true(await isNoted(), 'its memory is kept, frozen');
  guest.power = 'running';
  answers = true;
  await sweep();
  t.false(await isNoted());
  await sweep();
  t.is(asked, 4);

  answers = false;
  await copy();
  guest.power = 'shutdown';
  await sweep();
  t.false(await isNoted(), 'what was frozen is gone');
});
