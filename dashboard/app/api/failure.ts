/** An answer that is not a success, whole: what the service said, and the id by which its operator finds it in the logs. */
export class ApiFailure extends Error {
  /** 0 when no answer came at all. */
  readonly status: number;
  readonly requestId: string | null;
  constructor(message: string, status: number, requestId: string | null) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
    this.requestId = requestId;
  }
}

/** What an error body says, whichever service it is from: each OpenStack service wraps its message in its own way. */
export function messageIn(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const [errors] = (body as { errors?: unknown[] }).errors ?? []; // containers
  const inner = Object.values(body).find((value) => typeof value === 'object' && value !== null);
  for (const candidate of [body, errors, inner]) {
    const { message, detail } = (candidate ?? {}) as { message?: unknown; detail?: unknown };
    for (const text of [message, detail]) if (typeof text === 'string' && text !== '') return text;
  }
  return undefined;
}
