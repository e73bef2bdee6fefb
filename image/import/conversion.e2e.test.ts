/** With qemu-img itself, and as root, whose rights are what a conversion must not have. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { pino } from 'pino';
import { BadRequest } from '../../common/errors.ts';
import { startTestCloud } from '../../tests/cloud.ts';
import { diskBytes, makeCorpus } from '../inspection/corpus.ts';
import { filesOf, images, rawBare } from '../testing.ts';
import { type Conversion, confined, convert } from './conversion.ts';
import { direct, download, stage, stagedFiles, startSite, taskOf } from './testing.ts';

const run = promisify(execFile);
const corpus = await makeCorpus();
const uid = 1879050001;
const settings = { to: 'raw', mostSeconds: 60, mostBytes: 2 ** 40, uid } as const;
const log = pino({ level: 'silent' });

async function place(t: ExecutionContext, bytes: Buffer, over: Partial<Conversion> = {}): Promise<Conversion> {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-conversion-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const inputPath = join(directory, 'input');
  await writeFile(inputPath, bytes, { mode: 0o444 });
  const outputPath = join(directory, 'output');
  const { signal } = new AbortController();
  return { inputPath, outputPath, from: 'qcow2', to: 'raw', virtualSizeBytes: diskBytes, signal, ...over };
}

test('disks of every format become what the operator says, and the rest stays what it is', async (t) => {
  t.timeout(600_000);
  const cloud = await startTestCloud(t, { importConvertTo: 'raw' });
  const member = cloud.as('member');
  for (const [name, disk_format, becomes] of [
    ['qcow2 v3', 'qcow2', 'raw'],
    ['vmdk sparse', 'vmdk', 'raw'],
    ['vhd dynamic', 'vhd', 'raw'],
    ['vhdx dynamic', 'vhdx', 'raw'],
    ['vdi dynamic', 'vdi', 'raw'],
    ['raw', 'raw', 'raw'],
    ['iso', 'iso', 'iso'],
  ] as const) {
    const { id } = await member.post(images, { ...rawBare, disk_format });
    await stage(member, id, corpus.get(name)!);
    await member.post(`${images}/${id}/import`, direct, 202);
    await cloud.settle();
    const size = becomes === 'raw' ? { size: diskBytes, virtual_size: diskBytes } : {};
    const image = await member.get(`${images}/${id}`);
    t.like(
      image,
      { status: 'active', disk_format: becomes, ...size },
      `${name}: ${(await taskOf(member, id)).message}`,
    );
  }
  t.deepEqual(await stagedFiles(cloud), []);
  t.deepEqual(await readdir(cloud.config.dataDir).then((all) => all.includes('conversions')), true);
  t.deepEqual(await readdir(join(cloud.config.dataDir, 'conversions')), []);
});

test('what is downloaded is converted too, and what is not what it says is not', async (t) => {
  const site = await startSite(t, ({ url }, answer) => answer.end(corpus.get(url === '/raw' ? 'raw' : 'vdi dynamic')));
  const cloud = await startTestCloud(t, { ...site.settings, importConvertTo: 'qcow2' });
  const member = cloud.as('member');
  const good = await member.post(images, rawBare);
  const bad = await member.post(images, rawBare);
  await member.post(`${images}/${good.id}/import`, download(`${site.url}/raw`), 202);
  await member.post(`${images}/${bad.id}/import`, download(`${site.url}/vdi`), 202);
  await cloud.settle();
  t.like(await member.get(`${images}/${good.id}`), {
    status: 'active',
    disk_format: 'qcow2',
    virtual_size: diskBytes,
  });
  t.like(await member.get(`${images}/${bad.id}`), { status: 'queued', disk_format: 'raw' });
  t.is((await filesOf(cloud)).length, 1);
  t.deepEqual(await stagedFiles(cloud), []);
});

test('a disk that would become larger than the operator allows is not converted', async (t) => {
  const cloud = await startTestCloud(t, { importConvertTo: 'raw', importMaximumGib: 0 });
  const member = cloud.as('member');
  const { id } = await member.post(images, { ...rawBare, disk_format: 'qcow2' });
  await stage(member, id, corpus.get('qcow2 v3')!);
  await member.post(`${images}/${id}/import`, direct, 202);
  await cloud.settle();
  t.like(await member.get(`${images}/${id}`), { status: 'queued', os_glance_failed_import: 'default' });
  t.deepEqual(await readdir(join(cloud.config.dataDir, 'conversions')).catch(() => []), []);
});

test('a conversion has no network, no rights, no other files and bounds', async (t) => {
  const inside = async (...command: string[]) =>
    (await run('bwrap', confined(command, { virtualSizeBytes: 0 }, { uid, mostSeconds: 7 }))).stdout.trim();
  t.is(await inside('id', '-u'), String(uid));
  t.is(await inside('id', '-G'), String(uid));
  const status = await inside('cat', '/proc/self/status');
  for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapInh']) t.regex(status, new RegExp(`${set}:\t0+\n`));
  t.regex(status, /NoNewPrivs:\t1/);
  const devices = (await inside('cat', '/proc/net/dev')).split('\n').slice(2);
  t.deepEqual(
    devices.map((line) => line.trim().split(':')[0]),
    ['lo'],
  );
  const limits = await inside('cat', '/proc/self/limits');
  t.regex(limits, /Max cpu time +7 +7 /);
  t.regex(limits, /Max file size +67108864 +67108864 /);
  t.regex(limits, /Max address space +2147483648 +2147483648 /);
  t.deepEqual((await inside('ls', '/')).split('\n'), ['bin', 'dev', 'lib', 'lib64', 'proc', 'usr']);
  t.deepEqual((await inside('ls', '/proc')).split('\n').filter((name) => /^\d+$/.test(name)).length, 2);
});

test('a second file is never opened, even if an image that names one were not refused', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'cirrostack-conversion-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755);
  const secret = join(directory, 'secret');
  await writeFile(secret, Buffer.alloc(diskBytes, 'secret of another project '), { mode: 0o444 });
  const backed = join(directory, 'backed');
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', secret, backed]);
  const elsewhere = join(directory, 'elsewhere');
  const dataFile = `data_file=${join(directory, 'data')},data_file_raw=on`;
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', dataFile, elsewhere, String(diskBytes)]);
  await copyFile(secret, join(directory, 'data'));
  const hinted = Buffer.from(corpus.get('vmdk sparse')!);
  hinted.write(`#parentFileNameHint="${secret}"\n`, hinted.indexOf('# Extent'), 'latin1');
  for (const [bytes, from] of [
    [await readFile(backed), 'qcow2'],
    [await readFile(elsewhere), 'qcow2'],
    [hinted, 'vmdk'],
  ] as const) {
    const asked = await place(t, bytes, { from });
    await convert(asked, settings, log).catch((error) => t.true(error instanceof BadRequest));
    t.false((await readFile(asked.outputPath)).includes('secret'));
  }
});

test('what cannot be converted, or not in time, is told without what the program said', async (t) => {
  const broken = Buffer.from(corpus.get('qcow2 v3')!);
  broken.writeBigUInt64BE(0xffff_ffff_ffffn, 40); // where the L1 table is
  await t.throwsAsync(convert(await place(t, broken), settings, log), {
    instanceOf: BadRequest,
    message: 'The image could not be converted from qcow2 to raw.',
  });
  const hasty = convert(await place(t, corpus.get('qcow2 v3')!), { ...settings, mostSeconds: 0.001 }, log);
  await t.throwsAsync(hasty, { instanceOf: BadRequest, message: /limits/ });
  const aborted = await place(t, corpus.get('qcow2 v3')!, { signal: AbortSignal.abort() });
  await t.throwsAsync(convert(aborted, settings, log));
});
