import { docker } from './docker.ts';
import type { Engine } from './engine.ts';
import { externalNetwork } from './external-network.ts';
import { libvirt } from './libvirt.ts';
import { ovn } from './ovn.ts';
import { ovs } from './ovs.ts';
import { postgres } from './postgres.ts';
import { registry } from './registry.ts';

/** In the order in which they start; they stop the other way round. */
export const engines: Engine[] = [postgres, registry, libvirt, docker, ovs, ovn, externalNetwork];
