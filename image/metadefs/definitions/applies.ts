/** What most namespaces are for. */
export const image = { name: 'OS::Glance::Image' } as const;

/** A volume that guests boot from has the properties of the image that it was made of. */
export const volume = { name: 'OS::Cinder::Volume', propertiesTarget: 'image' } as const;

/** The same properties: `hw:…` in a flavor, `hw_…` on an image and on a volume made of it. */
export const flavorAndImage = [
  { name: 'OS::Nova::Flavor', prefix: 'hw:' },
  { ...image, prefix: 'hw_' },
  { ...volume, prefix: 'hw_' },
] as const;

/** How schemas of yes or no are written where a flavor or image holds texts. */
export const yesOrNo = { type: 'string', enum: ['yes', 'no'] } as const satisfies { type: string; enum: string[] };
