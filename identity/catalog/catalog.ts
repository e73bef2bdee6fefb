import type { Knex } from '../../common/database/database.ts';
import { BadRequest } from '../../common/errors.ts';
import { endpointsOfProject } from '../endpoint-filter/store.ts';
import type { IdentityMemory } from '../memory.ts';
import { fillUrlTemplate, parseUrlTemplate, type UrlSubject, type UrlTemplate } from './url-template.ts';

/** The `catalog` of a token. */
export type Catalog = CatalogService[];

interface CatalogService {
  id: string;
  type: string;
  name: string;
  endpoints: CatalogEndpoint[];
}

interface CatalogEndpoint {
  id: string;
  interface: string;
  region: string | null;
  region_id: string | null;
  url: string;
}

/** All that is enabled, ready to be made into anybody's catalog. */
interface Whole {
  services: {
    id: string;
    type: string;
    name: string;
    endpoints: { endpoint: CatalogEndpoint; template: UrlTemplate }[];
  }[];
  /** Projects with an endpoint or a group of endpoints of their own: these see nothing else. */
  filtered: ReadonlySet<string>;
  /** When it is the same for everybody who has no endpoints of their own. */
  everybodys: Catalog | undefined;
}

interface CatalogDeps {
  db: Knex;
  memory: IdentityMemory;
}

/**
 * What somebody finds in the catalog: enabled services in the order of their types with their enabled endpoints, URLs filled
 * in. Those that need a project are left out where there is none; a project with endpoints of its own
 * (OS-EP-FILTER) gets no others, nor services without. It is shared between callers, who must not change it.
 */
export async function catalogOf({ db, memory }: CatalogDeps, subject: UrlSubject): Promise<Catalog> {
  const whole = await memory.recall('catalog', () => readWhole(db));
  const { projectId } = subject;
  if (projectId === null || !whole.filtered.has(projectId)) return whole.everybodys ?? made(whole, subject);
  const visible = await memory.recall(`endpoints of ${projectId}`, async () => {
    const endpoints = await endpointsOfProject(db, projectId);
    return endpoints.length > 0 ? new Set(endpoints.map(({ id }) => id)) : undefined;
  });
  // A group that no endpoint is in filters nothing, as in keystone.
  if (visible === undefined) return whole.everybodys ?? made(whole, subject);
  return made(whole, subject, visible).filter(({ endpoints }) => endpoints.length > 0);
}

function made({ services }: Whole, subject: UrlSubject, visible?: ReadonlySet<string>): Catalog {
  return services.map(({ endpoints, ...service }) => ({
    ...service,
    endpoints: endpoints.flatMap(({ endpoint, template }) => {
      if (visible && !visible.has(endpoint.id)) return [];
      const url = fillUrlTemplate(template, subject);
      return url === undefined ? [] : [{ ...endpoint, url }];
    }),
  }));
}

async function readWhole(db: Knex): Promise<Whole> {
  const { rows } = await db.raw(
    `select s.id, s.type, s.name,
       coalesce((select json_agg(json_build_object('id', e.id, 'interface', e.interface, 'region', e.region_id,
           'region_id', e.region_id, 'url', e.url) order by e.region_id, e.interface, e.id)
         from endpoints e where e.service_id = s.id and e.enabled), '[]') as endpoints
     from services s where s.enabled order by s.type, s.name, s.id`,
  );
  const filtered = await db('project_endpoints')
    .select('project_id')
    .union(db('project_endpoint_groups').select('project_id'));
  const services = rows.map((service: CatalogService) => ({
    id: service.id,
    type: service.type,
    name: service.name,
    endpoints: service.endpoints.flatMap((endpoint) => {
      const template = templateOf(endpoint.url);
      return template ? [{ endpoint, template }] : [];
    }),
  }));
  const whole: Whole = { services, filtered: new Set(filtered.map((row) => row.project_id)), everybodys: undefined };
  const isSameForAll = services.every((service: Whole['services'][number]) =>
    service.endpoints.every(({ template }) => template.keys.length === 0),
  );
  return isSameForAll ? { ...whole, everybodys: made(whole, { userId: '', projectId: null }) } : whole;
}

/** A URL that got there past the API and cannot be filled in is left out, rather than every login refused. */
function templateOf(url: string): UrlTemplate | undefined {
  try {
    return parseUrlTemplate(url);
  } catch (error) {
    if (error instanceof BadRequest) return undefined;
    throw error;
  }
}
