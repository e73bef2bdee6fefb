import { Unavailable } from '../../../common/errors.ts';

const patienceMs = 5000;
const mostBytes = 256 * 1024;

/**
 * Asks an issuer. Its address is the operator's, never one that a user chose; still it is given little time and space, and
 * is not followed elsewhere. Gives the status and the parsed JSON. Throws `Unavailable` when there is no such answer.
 */
export async function askIssuer(
  url: string,
  options: { method?: 'GET' | 'POST'; headers?: Record<string, string>; body?: URLSearchParams } = {},
): Promise<{ status: number; json: unknown }> {
  try {
    const response = await fetch(url, {
      method: options.method ?? 'GET',
      headers: { accept: 'application/json', ...options.headers },
      ...(options.body && { body: options.body }),
      redirect: 'error',
      signal: AbortSignal.timeout(patienceMs),
    });
    return { status: response.status, json: JSON.parse(await limited(response)) };
  } catch (cause) {
    throw new Unavailable('The identity provider does not answer as it should; try again.', { cause });
  }
}

async function limited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) throw new Error(`more than ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
