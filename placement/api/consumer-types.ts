/** What takes resources, from 1.38 on; `INSTANCE` is what Nova calls its servers there. What a move holds is its server's. */
export const consumerTypes = { server: 'INSTANCE', move: 'INSTANCE', container: 'CONTAINER' } as const;
