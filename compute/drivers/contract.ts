/**
 * What every driver must do, as tests: the simulated ones, libvirt and Docker pass them alike. A driver's own test file
 * calls `serverDriverContract(test, …)` or `containerDriverContract(test, …)` with a function that makes it a host, and
 * adds what only that engine has. Pass `test.serial` where guests are heavy.
 */
export { containerDriverContract } from './contract/containers.ts';
export {
  type ContainerHostUnderTest,
  type HostUnderTest,
  type RegisterTest,
  type ServerHostUnderTest,
  smallContainer,
  smallServer,
  until,
} from './contract/host-under-test.ts';
export { serverDriverContract } from './contract/servers.ts';
