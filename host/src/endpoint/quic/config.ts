/**
 * quiche configurations: TLS parameters and transport parameters (`docs/spec/endpoint.md` 6.1), made once for each
 * combination and kept.
 *
 * @module
 */

import { createHash } from 'node:crypto';
import type { RemoteAddress } from '@alknet/sdk';
import { quiche } from '@matrixai/quic/native/index.js';
import type { Config } from '@matrixai/quic/native/types.js';
import { isLoopback } from '../address.ts';
import type { Certificate, TransportTuning } from '../engine.ts';
import { signatureSchemes } from '../signature-schemes.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Largest UDP payload that we ever send. */
export const maxSendPayload = 16_000;

/** Bytes of UDP payload to send between two addresses once the handshake is complete. */
export function sendPayload(tuning: TransportTuning, local: RemoteAddress, remote: RemoteAddress): number {
  const loopback = isLoopback(local.address) && isLoopback(remote.address);
  return Math.min(loopback ? tuning.loopbackUdpPayload : tuning.udpPayload, maxSendPayload);
}

export interface ConfigFacts {
  readonly certificate: Certificate | null;
  readonly alpns: readonly string[];
  /** Whether the other side must show a certificate; its chain is never checked by the library. */
  readonly demandCertificate: boolean;
  /** Bytes of UDP payload that will be sent: the unit in which the congestion window grows (RFC 9002 7.2, 7.3). */
  readonly payload: number;
  readonly tuning: TransportTuning;
}

/** Enough for every certificate and ALPN list of a node, and a bound on what a change of them leaves behind. */
const maxKept = 64;
const kept = new Map<string, Config>();

export function quicConfig(facts: ConfigFacts): Config {
  const { tuning } = facts;
  const key = createHash('sha256')
    .update(
      JSON.stringify([
        facts.certificate,
        facts.alpns,
        facts.demandCertificate,
        facts.payload,
        tuning.idleTimeout,
        tuning.streamsPerConnection,
      ]),
    )
    .digest('base64');
  const found = kept.get(key);
  if (found !== undefined) return found;
  const config = makeConfig(facts);
  const [oldest] = kept.keys();
  if (kept.size >= maxKept && oldest !== undefined) kept.delete(oldest);
  kept.set(key, config);
  return config;
}

function makeConfig({ certificate, alpns, demandCertificate, payload, tuning }: ConfigFacts): Config {
  const config = quiche.Config.withBoringSslCtx(
    demandCertificate,
    demandCertificate,
    null,
    certificate && [Buffer.from(certificate.key)],
    certificate && [Buffer.from(certificate.cert)],
    signatureSchemes,
  );
  config.setApplicationProtos([...alpns]);
  config.setMaxIdleTimeout(tuning.idleTimeout);
  config.setMaxRecvUdpPayloadSize(65_527);
  config.setMaxSendUdpPayloadSize(payload);
  config.setInitialMaxData(4 * MiB);
  config.setMaxConnectionWindow(16 * MiB);
  config.setInitialMaxStreamDataBidiLocal(MiB);
  config.setInitialMaxStreamDataBidiRemote(MiB);
  config.setMaxStreamWindow(8 * MiB);
  config.setInitialMaxStreamsBidi(tuning.streamsPerConnection);
  config.setInitialMaxStreamsUni(0);
  config.setActiveConnectionIdLimit(2);
  config.setDisableActiveMigration(true);
  config.setAckDelayExponent(3);
  config.setMaxAckDelay(25);
  // quiche 0.18 dates a packet by the clock of its pacer, also when it does not pace: with CUBIC and Reno by up to
  // window at the begin / window now round trips too early, so that on a path that loses packets the measured round trip
  // grows without end, and the probe time-outs with it. BBR sets that clock itself.
  config.setCcAlgorithmName('bbr');
  config.enablePacing(false);
  config.grease(false);
  return config;
}
