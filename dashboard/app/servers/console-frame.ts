/** What of a server is shown. */
export type Show = 'screen' | 'serial';

/**
 * The path of the page for an address that the Compute API gave out, which is a page for screens and a WebSocket for serial
 * ports. Its host is left out: a page is shown from where this one came from, however the cloud is reached.
 */
export function framePath(show: Show, address: string): string {
  const { pathname, search } = new URL(address);
  if (show === 'screen') return pathname + search;
  return `${pathname}/serial.html?path=${encodeURIComponent(pathname.slice(1) + search)}`;
}
