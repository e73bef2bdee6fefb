/** `2006-01-02T15:04:05Z`: compute, image, network, identity tokens. */
export function isoSeconds(time: Date): string {
  return `${secondsOf(time)}Z`;
}

/** `2006-01-02T15:04:05.000000Z`, as Keystone writes its tokens' times. */
export function isoMicrosZ(time: Date): string {
  return `${isoMicros(time)}Z`;
}

/** `2006-01-02T15:04:05.000000` without a zone: compute's usage, services and actions; block storage everywhere. */
export function isoMicros(time: Date): string {
  return `${secondsOf(time)}.${String(time.getUTCMilliseconds()).padStart(3, '0')}000`;
}

/** `2006-01-02 15:04:05+00:00`: containers. */
export function spacedWithOffset(time: Date): string {
  return `${secondsOf(time).replace('T', ' ')}+00:00`;
}

const msOfDay = 86_400_000;
const endOfYear9999 = Date.UTC(10_000);
const twoDigits = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));
let today = { number: 0, text: '1970-01-01T' };

/**
 * `2006-01-02T15:04:05`. A list of servers has thousands of times, mostly of few days: by `toISOString` alone they took a
 * third of what its views took. Throws `RangeError` for what is no time.
 */
function secondsOf(time: Date): string {
  const ms = time.getTime();
  if (!(ms >= 0 && ms < endOfYear9999)) return time.toISOString().slice(0, 19);
  const day = Math.floor(ms / msOfDay);
  if (day !== today.number) today = { number: day, text: new Date(day * msOfDay).toISOString().slice(0, 11) };
  const seconds = Math.floor((ms % msOfDay) / 1000);
  const minutes = Math.floor(seconds / 60);
  return `${today.text}${twoDigits[Math.floor(minutes / 60)]}:${twoDigits[minutes % 60]}:${twoDigits[seconds % 60]}`;
}
