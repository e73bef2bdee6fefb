import { BadRequest } from '../../common/errors.ts';

/** What an endpoint's URL may be made of: these, and nothing that the program knows besides (CVE-2014-3621). */
const keys = { project_id: 'projectId', tenant_id: 'projectId', user_id: 'userId' } as const;

/** Whose catalog it is. */
export interface UrlSubject {
  userId: string;
  /** Null for a token that is not for a project. */
  projectId: string | null;
}

/** The fixed texts of a URL, and between them what is put in. */
export interface UrlTemplate {
  texts: readonly string[];
  keys: readonly (keyof UrlSubject)[];
}

/**
 * Reads `http://host/v1/%(project_id)s`, also written `$(project_id)s`. As in Python's formatting, `%%` is a per cent sign.
 * Throws `BadRequest` for any other key and for anything unfinished.
 */
export function parseUrlTemplate(url: string): UrlTemplate {
  const texts = [''];
  const found: (keyof UrlSubject)[] = [];
  const pattern = /%%|[%$]\(([^()]*)\)s|%|\$\(|[^%$]+|\$/gy;
  for (const [part, key] of url.matchAll(pattern)) {
    if (key !== undefined && Object.hasOwn(keys, key)) {
      found.push(keys[key as keyof typeof keys]);
      texts.push('');
      continue;
    }
    if (key !== undefined || part === '%' || part === '$(')
      throw new BadRequest(
        `Cannot use the endpoint URL ${url}: it may hold ${Object.keys(keys)
          .map((name) => `%(${name})s`)
          .join(', ')} and no other substitution; a per cent sign is written %%.`,
      );
    texts[texts.length - 1] += part === '%%' ? '%' : part;
  }
  return { texts, keys: found };
}

/** The URL for somebody; undefined where it needs a project and there is none. */
export function fillUrlTemplate(template: UrlTemplate, subject: UrlSubject): string | undefined {
  let url = template.texts[0] ?? '';
  for (const [i, key] of template.keys.entries()) {
    const value = subject[key];
    if (value === null) return undefined;
    url += value + template.texts[i + 1];
  }
  return url;
}
