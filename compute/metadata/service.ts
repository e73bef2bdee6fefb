/**
 * The metadata service (nova/api/metadata/handler.py and base.py): what a server is told about itself, in OpenStack's layout and
 * EC2's. Who asks is known from the network and the address that it asks from, and from nothing that it says.
 */
import { posix } from 'node:path';
import { boundedMap } from '../../common/bounded-map.ts';
import type { Knex } from '../../common/database/database.ts';
import { NotFound } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import type { AnswerMetadata, MetadataAnswer } from '../../network/metadata/driver.ts';
import { guestAt } from '../../network/metadata/links.ts';
import { getServer } from '../servers/store.ts';
import { ec2Tree, ec2Versions, findIn, printed, type Tree } from './ec2.ts';
import { factsOf, type MetadataFacts } from './facts.ts';
import { injectedFiles, openstackFiles, openstackVersions } from './openstack.ts';
import { answerPassword } from './password.ts';
import { remembered } from './remembered.ts';
import { askVendors, type VendorData, type VendorDataSettings } from './vendor-data.ts';

export interface MetadataServiceDeps {
  db: Knex;
  log: Logger;
  vendors: VendorDataSettings;
  /** For how long a server may be told what was true before, in milliseconds. */
  staleMs: number;
}

/** For how long what vendors answered is told again, at least: each asking is a request of the guest's to somebody else. */
const vendorsMs = 15_000;
/** Of the facts that are remembered: a server's are a few KiB, with user data and files up to 150 KiB. */
const most = { entries: 1000, total: 32 * 2 ** 20 };

type Facts = Omit<MetadataFacts, 'vendorData'>;

export function metadataService({ db, log, vendors, staleMs }: MetadataServiceDeps): AnswerMetadata {
  const facts = remembered(boundedMap<{ at: number; value: Facts | undefined }>(most, weightOf), staleMs);
  const dynamic = remembered(
    boundedMap<{ at: number; value: VendorData['dynamic'] }>(most, ({ value }) => JSON.stringify(value).length),
    Math.max(staleMs, vendorsMs),
  );
  // Not remembered: an address may be somebody else's at the next request. Those who ask at once share the question.
  const whoIs = remembered(
    boundedMap<{ at: number; value: string | undefined }>(most, () => 0),
    0,
  );
  const find = async (id: string): Promise<Facts | undefined> => {
    const server = await getServer(db, 'everyone', id).catch((error) => {
      if (error instanceof NotFound) return undefined; // a container
      throw error;
    });
    return server && server.deletionRequestedAt === null ? await factsOf(db, server) : undefined;
  };
  return async (request) => {
    try {
      const { networkId, address } = request;
      const id = await whoIs(`${networkId} ${address}`, () => guestAt(db, networkId, address));
      const found = id === undefined ? undefined : await facts(id, () => find(id));
      const path = pathOf(request.url);
      if (found === undefined || path === undefined) return notFound;
      const asksVendors = path.length === 3 && path[0] === 'openstack' && path[2] === 'vendor_data2.json';
      const { server, boot } = found;
      const vendorData = {
        fixed: vendors.fixed,
        dynamic:
          asksVendors && vendors.targets.length > 0
            ? await dynamic(server.id, () => askVendors(vendors, log, server, boot.userData))
            : {},
      };
      const answer = lookUp({ ...found, vendorData }, path);
      return answer === 'password' ? await answerPassword(db, server.id, request) : answer;
    } catch (err) {
      log.warn({ err, network: request.networkId, address: request.address }, 'a guest cannot be told its metadata');
      return text('Metadata is not available now.', 503);
    }
  };
}

const weightOf = ({ value }: { value: Facts | undefined }) =>
  4096 + (value === undefined ? 0 : (value.boot.userData?.length ?? 0) + JSON.stringify(value.boot.personality).length);

/** The parts of the path; what EC2's layout has is at the root too. Undefined for what is no path. */
function pathOf(url: string): string[] | undefined {
  let path: string;
  try {
    path = decodeURIComponent(url.split('?', 1)[0] as string);
  } catch {
    return undefined;
  }
  const parts = posix
    .normalize(`/${path}`)
    .split('/')
    .filter((part) => part !== '');
  return parts[0] === 'openstack' || parts[0] === 'ec2' ? parts : ['ec2', ...parts];
}

function lookUp(facts: MetadataFacts, [layout, version, ...rest]: string[]): MetadataAnswer | 'password' {
  if (layout === 'openstack') {
    if (version === undefined) return text([...openstackVersions, 'latest'].join('\n'));
    return openstack(facts, version, rest);
  }
  if (version === undefined) return text([...ec2Versions, 'latest'].join('\n'));
  const tree: Tree | undefined = ec2Tree(facts, version);
  const found = tree && findIn(tree, rest);
  return found === undefined ? notFound : text(printed(found));
}

function openstack(facts: MetadataFacts, version: string, rest: string[]): MetadataAnswer | 'password' {
  const [name, ...more] = rest;
  if (version === 'content') {
    const content = name === undefined || more.length > 0 ? undefined : injectedFiles(facts).get(name);
    return content === undefined ? notFound : text(content);
  }
  const files = openstackFiles(facts, version);
  if (files === undefined || more.length > 0) return notFound;
  if (name === undefined) return text([...files.keys()].join('\n'));
  const content = files.get(name)?.();
  if (content === undefined || content === 'password') return content ?? notFound;
  return Buffer.isBuffer(content)
    ? text(content)
    : { status: 200, contentType: 'application/json', body: JSON.stringify(content) };
}

const text = (body: string | Buffer, status = 200): MetadataAnswer => ({
  status,
  contentType: 'text/plain; charset=UTF-8',
  body,
});

const notFound = text('404 Not Found\n', 404);
