/**
 * The schema of `limits`: defaults and ranges of `docs/spec/config.md` 12.
 *
 * @module
 */

import { count, duration, object, size } from './kinds.ts';

const KiB = 1024;

const MiB = 1024 * KiB;

const GiB = 1024 * MiB;

const TiB = 1024 * GiB;

const second = 1000;

const minute = 60 * second;

const hour = 60 * minute;

const day = 24 * hour;

export const limits = object(
  {
    connections: count({ minimum: 1, maximum: 1_000_000, default: 4096, description: 'Live connections.' }),
    connectionsPerAddress: count({
      minimum: 0,
      maximum: 1_000_000,
      default: 100,
      description: 'Live connections of one remote address; 0: no limit.',
    }),
    connectionsPerIdentity: count({
      minimum: 1,
      maximum: 1_000_000,
      default: 256,
      description: 'Live connections of one identity.',
    }),
    dispatchedConnections: count({
      minimum: 0,
      maximum: 1_000_000,
      default: 8192,
      description: 'Live connections that plugins handed over.',
    }),
    handshakes: count({ minimum: 1, maximum: 65_536, default: 256, description: 'Handshakes under way.' }),
    handshakesPerAddress: count({
      minimum: 1,
      maximum: 65_536,
      default: 32,
      description: 'Handshakes under way of one address.',
    }),
    authFailuresPerAddress: count({
      minimum: 0,
      maximum: 100_000,
      default: 20,
      description: 'Failed credentials of one address; 0: no limit.',
    }),
    streamsPerConnection: count({
      minimum: 1,
      maximum: 65_536,
      default: 256,
      description: 'Streams that a peer may hold open.',
    }),
    bufferedPerConnection: size({
      minimum: MiB,
      maximum: GiB,
      default: '32MiB',
      description: 'Bytes buffered for one connection.',
    }),
    buffered: size({
      minimum: 16 * MiB,
      maximum: TiB,
      default: '512MiB',
      description: 'Bytes buffered for all connections.',
    }),
    memory: size({
      minimum: 128 * MiB,
      maximum: TiB,
      zero: true,
      default: 0,
      description: 'Resident memory of the process; 0: three quarters of what the machine or container has.',
    }),
    idleTimeout: duration({
      minimum: 5 * second,
      maximum: 10 * minute,
      default: '30s',
      description: 'QUIC connections without traffic.',
    }),
    tlsIdleTimeout: duration({
      minimum: 10 * second,
      maximum: 30 * day,
      zero: true,
      default: '1h',
      description: 'TLS connections without traffic; 0: no limit.',
    }),
    drain: duration({
      minimum: 0,
      maximum: 10 * minute,
      default: '2s',
      description: 'Time for work under way at the end of the node.',
    }),
    reloadGrace: duration({
      minimum: 0,
      maximum: day,
      default: '5s',
      description: 'Time for work under way at the end of a plugin instance.',
    }),
    frame: size({
      minimum: KiB,
      maximum: 64 * MiB,
      default: '16MiB',
      description: 'Body of one frame of the call protocol.',
    }),
    callsPerConnection: count({
      minimum: 1,
      maximum: 65_536,
      default: 256,
      description: 'Calls of one connection that run.',
    }),
    subscriptionsPerConnection: count({
      minimum: 0,
      maximum: 65_536,
      default: 256,
      description: 'Subscriptions of one connection.',
    }),
    callTimeout: duration({
      minimum: second,
      maximum: day,
      default: '30s',
      description: 'Deadline of a call that names none.',
    }),
    callTimeoutMax: duration({
      minimum: second,
      maximum: day,
      default: '10m',
      description: 'Longest deadline that a call may name.',
    }),
  },
  { default: {}, description: 'Limits of the node.' },
);
