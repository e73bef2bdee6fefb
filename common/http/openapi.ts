import { type Route, takesKey } from './route.ts';
import type { Service } from './service.ts';

/** The OpenAPI 3.1 document of everything that is mounted, made from the routes themselves, with public paths. */
export function openApiDocument(
  services: readonly Service[],
  { publicUrl, version }: { publicUrl: string; version: string },
): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const service of services)
    for (const route of service.routes) {
      const path = `${service.prefix}${route.path}`.replaceAll('*}', '}');
      paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(service, route) };
    }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Cirrostack',
      version,
      description: 'OpenStack-compatible cloud controller for servers and containers',
    },
    servers: [{ url: publicUrl }],
    components: { securitySchemes: { token: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' } } },
    paths,
  };
}

function operation(service: Service, route: Route): object {
  const named = [...route.path.matchAll(/\{([^}*]+)\*?\}/g)].map((match) => match[1]);
  const query = Object.entries((route.query as { properties?: Record<string, object> } | undefined)?.properties ?? {});
  return {
    tags: [service.name],
    summary: route.summary,
    ...('anonymous' in route.rule
      ? { security: [], 'x-anonymous': route.rule.anonymous }
      : { security: [{ token: [] }], 'x-policy': route.rule.name }),
    parameters: [
      ...named.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
      ...query.map(([name, schema]) => ({ name, in: 'query', schema })),
      ...(takesKey(route) ? [keyHeader] : []),
      ...(route.dryRun ? dryRunParameters : []),
    ],
    ...requestBody(route),
    responses: {
      [route.status]: {
        description: 'Success',
        ...(route.response && { content: { 'application/json': { schema: route.response } } }),
      },
      ...(route.dryRun && { 200: dryRunResponse }),
    },
  };
}

function requestBody(route: Route): object {
  if (route.rawBody) return { requestBody: { content: { 'application/octet-stream': {} } } };
  return route.body ? { requestBody: { required: true, content: { 'application/json': { schema: route.body } } } } : {};
}

const keyHeader = {
  name: 'Idempotency-Key',
  in: 'header',
  description: 'The same request with the same key within a day is done once and gets the first answer again',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const dryRunWord = {
  description: 'Tells what would be done, and does nothing',
  schema: { type: 'boolean', default: false },
};
const dryRunParameters = [
  { name: 'dry_run', in: 'query', ...dryRunWord },
  { name: 'X-Dry-Run', in: 'header', ...dryRunWord },
];

const dryRunResponse = {
  description:
    'What a dry run tells: whether it is possible, with which status it would be answered, and what would be or why not',
  content: {
    'application/json': {
      schema: {
        type: 'object',
        properties: {
          dry_run: {
            type: 'object',
            properties: {
              possible: { type: 'boolean' },
              status: { type: 'integer' },
              reason: { type: 'string' },
            },
            required: ['possible', 'status'],
          },
        },
      },
    },
  },
};
