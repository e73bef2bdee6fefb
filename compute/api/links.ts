export interface Link {
  rel: 'self' | 'bookmark' | 'next';
  href: string;
}

/** Where clients find this service; never taken from a request's `Host`. */
export interface Url {
  /** `…/compute/v2.1`. */
  versioned: string;
  /** `…/compute`. */
  root: string;
  /** `…/image`: where the images are that servers become. */
  image: string;
}

export function computeUrl(publicUrl: string): Url {
  return { root: `${publicUrl}/compute`, image: `${publicUrl}/image`, versioned: `${publicUrl}/compute/v2.1` };
}

/** Nova's pair of links. */
export function linksOf(url: Url, path: string): Link[] {
  return [{ rel: 'self', href: `${url.versioned}/${path}` }, bookmarkOf(url, path)];
}

export function bookmarkOf(url: Url, path: string): Link {
  return { rel: 'bookmark', href: `${url.root}/${path}` };
}
