/** What takes resources, from 1.38 on; `INSTANCE` is what Nova calls its servers there. */
export const consumerTypes = { server: 'INSTANCE', container: 'CONTAINER' } as const;
