import test from 'ava';
import { serverDriverContract } from '../contract.ts';
import { openLibvirtHost } from './testing.ts';

serverDriverContract(test.serial, openLibvirtHost);
