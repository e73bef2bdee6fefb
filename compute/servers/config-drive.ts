/**
 * The config drive: all versions of both layouts as files (nova/api/metadata/base.py, `metadata_for_config_drive`). Pure. The same
 * input gives the same bytes, so that making the drive again changes nothing.
 */
import { ec2Tree, type Tree } from '../metadata/ec2.ts';
import { type MetadataFacts, userDataOf } from '../metadata/facts.ts';
import { injectedFiles, openstackFiles, openstackVersions } from '../metadata/openstack.ts';

/** By their paths inside the drive. */
export type DriveFiles = Record<string, string | Buffer>;

export function configDrive(facts: MetadataFacts): DriveFiles {
  const { randomSeed, adminPassword } = facts.boot;
  const files: DriveFiles = {};
  // Nova leaves EC2's older versions out, unless `config_drive_skip_versions` says otherwise.
  for (const version of ['2009-04-04', 'latest']) {
    const userData = userDataOf(facts);
    if (userData !== null) files[`ec2/${version}/user-data`] = userData;
    files[`ec2/${version}/meta-data.json`] = JSON.stringify(
      withoutListingNames(ec2Tree(facts, version)?.['meta-data']),
    );
  }
  for (const version of [...openstackVersions, 'latest'])
    for (const [name, make] of openstackFiles(facts, version, { randomSeed, adminPassword }) ?? []) {
      const content = make();
      if (content === 'password') continue;
      files[`openstack/${version}/${name}`] = Buffer.isBuffer(content) ? content : JSON.stringify(content);
    }
  for (const [name, content] of injectedFiles(facts)) files[`openstack/content/${name}`] = content;
  return files;
}

function withoutListingNames(tree: Tree | undefined): unknown {
  if (typeof tree !== 'object' || Array.isArray(tree) || Buffer.isBuffer(tree)) return tree;
  const entries = Object.entries(tree).filter(([name]) => name !== '_name');
  return Object.fromEntries(entries.map(([name, below]) => [name, withoutListingNames(below)]));
}
