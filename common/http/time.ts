/** `2006-01-02T15:04:05Z`: compute, image, network, identity tokens. */
export function isoSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** `2006-01-02T15:04:05.000000Z`, as Keystone writes its tokens' times. */
export function isoMicrosZ(time: Date): string {
  return `${time.toISOString().slice(0, 23)}000Z`;
}

/** `2006-01-02T15:04:05.000000` without a zone: compute's usage, services and actions; block storage everywhere. */
export function isoMicros(time: Date): string {
  return `${time.toISOString().slice(0, 23)}000`;
}

/** `2006-01-02 15:04:05+00:00`: containers. */
export function spacedWithOffset(time: Date): string {
  return `${time.toISOString().slice(0, 19).replace('T', ' ')}+00:00`;
}
