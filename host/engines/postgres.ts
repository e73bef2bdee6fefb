/** The embedded database. */
export { startTemporaryPostgres, type TemporaryPostgres } from './postgres-temporary.ts';
