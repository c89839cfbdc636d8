/**
 * The configuration as the endpoint and the sessions read it: live views, so that a reload holds for what begins
 * afterwards.
 *
 * @module
 */

import type { CallLimits } from '@alknet/sdk';
import type { Config } from '../config/index.ts';
import { defaultSettings, type EndpointSettings, type ListenSpec } from '../endpoint/index.ts';

export interface ConfigView {
  readonly current: Config;
}

export function endpointSettings(view: ConfigView): EndpointSettings {
  const limits = () => view.current.limits;
  const quic = () => {
    const { quic } = view.current.listen;
    return quic === false ? defaultSettings : quic;
  };
  return {
    get connections() {
      return limits().connections;
    },
    get connectionsPerAddress() {
      return limits().connectionsPerAddress;
    },
    get connectionsPerIdentity() {
      return limits().connectionsPerIdentity;
    },
    get dispatchedConnections() {
      return limits().dispatchedConnections;
    },
    get handshakes() {
      return limits().handshakes;
    },
    get handshakesPerAddress() {
      return limits().handshakesPerAddress;
    },
    get authFailuresPerAddress() {
      return limits().authFailuresPerAddress;
    },
    get streamsPerConnection() {
      return limits().streamsPerConnection;
    },
    get bufferedPerConnection() {
      return limits().bufferedPerConnection;
    },
    get buffered() {
      return limits().buffered;
    },
    get memory() {
      return limits().memory;
    },
    get idleTimeout() {
      return limits().idleTimeout;
    },
    get tlsIdleTimeout() {
      return limits().tlsIdleTimeout;
    },
    get reloadGrace() {
      return limits().reloadGrace;
    },
    get handshakeTimeout() {
      return view.current.tls.handshakeTimeout;
    },
    get udpPayload() {
      return quic().udpPayload;
    },
    get loopbackUdpPayload() {
      return quic().loopbackUdpPayload;
    },
    get keepAlive() {
      return quic().keepAlive;
    },
    get tls12ForHttp() {
      return view.current.tls.minVersion === '1.2';
    },
    get acme() {
      return view.current.tls.acme !== undefined;
    },
  };
}

export function callLimits(view: ConfigView): Readonly<CallLimits> {
  const limits = () => view.current.limits;
  return {
    get frame() {
      return limits().frame;
    },
    get callsPerConnection() {
      return limits().callsPerConnection;
    },
    get subscriptionsPerConnection() {
      return limits().subscriptionsPerConnection;
    },
    get callTimeout() {
      return limits().callTimeout;
    },
    get callTimeoutMax() {
      return limits().callTimeoutMax;
    },
    get bufferedPerConnection() {
      return limits().bufferedPerConnection;
    },
  };
}

export function listenSpecs({ listen: { quic, tls } }: Config): ListenSpec[] {
  const specs: ListenSpec[] = [];
  if (quic !== false) {
    for (const address of quic.addresses) specs.push({ transport: 'quic', key: 'listen.quic', ...address });
  }
  if (tls !== false) {
    for (const address of tls.addresses) specs.push({ transport: 'tls', key: 'listen.tls', ...address });
  }
  return specs;
}
