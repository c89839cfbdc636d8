/**
 * The running plugin: what the parts are made of, and what the host tells them.
 *
 * @module
 */

import type { Duplex } from 'node:stream';
import type { Connection, PluginHost, RunningPlugin } from '@alknet/sdk';
import { Admission } from './admission.ts';
import type { SshConfig } from './config.ts';
import { SshConnection } from './connection.ts';
import { egressOf } from './forward/egress.ts';
import { PolicyForwarding, policyOf } from './forward/policy-forwarding.ts';
import { Listeners } from './listeners.ts';
import { LiveConnections } from './live-connections.ts';
import { SshLog, type Via } from './log-lines.ts';
import { Authenticator } from './login/authenticator.ts';
import { useParts } from './operations.ts';
import type { Source, SshServer } from './server.ts';
import { ciphersReady, hostKeyOf } from './transport/protocol.ts';

export async function startSsh(host: PluginHost<SshConfig>): Promise<RunningPlugin<SshConfig>> {
  const pair = host.capabilities.key('ssh.hostKey');
  if (pair === undefined)
    throw new Error('the host key is not granted: plugins.ssh.grant.secrets has to name ssh.hostKey');
  const { peers } = host.identity;
  if (peers === undefined)
    throw new Error('the peers are not visible: ssh runs in the process of the node (isolation "inline")');
  await ciphersReady;

  let config = host.config;
  /** @throws Error for a policy or proxy that cannot be read */
  const forwardingOf = ({ forward }: SshConfig) => ({
    policy: policyOf(forward.policy),
    egress: egressOf(forward.egress, host.capabilities),
  });
  const forwarding = new PolicyForwarding(forwardingOf(config));
  const authenticator = new Authenticator(peers, host.log);
  authenticator.prepare(config)();
  const server: SshServer = {
    get config() {
      return config;
    },
    hostKey: hostKeyOf(pair()),
    log: host.log,
    lines: new SshLog(host.log),
    authenticator,
    admission: new Admission(() => config),
    forwarding,
    dispatch: (alpn, stream, login, { remote, parent }) =>
      host.dispatch(alpn, stream, {
        identity: login.identity() ?? null,
        remote,
        transport: 'ssh',
        ...(parent === undefined ? {} : { parent }),
      }),
  };
  const connections = new LiveConnections();
  useParts({
    hostKey: server.hostKey.getPublicSSH(),
    connections,
    listeners: (id) => {
      const client = connections.get(id)?.client;
      return client === undefined ? 0 : forwarding.listeners(client);
    },
    resolvePeer: (id) => peers.resolvePeer(id),
    testPolicy: (identity, kind, target, signal) => forwarding.test(identity, kind, target, signal),
  });

  const serve = async (stream: Duplex, source: Source) => {
    const place = server.admission.enter(source.remote?.address, source.fingerprint);
    if (place === undefined) {
      server.lines.refused(source.remote, 'limit');
      stream.destroy();
      return;
    }
    const connection = new SshConnection(stream, source, server, place, (loggedIn) =>
      connections.loggedIn(loggedIn),
    );
    connections.opened(connection);
    await connection.closed;
  };
  /** Ends those whose key would not be let in now. */
  const recheck = () => {
    for (const connection of connections)
      if (connection.login?.lapsed() !== undefined) connection.end('revoked');
  };
  const stopFollowing = host.identity.onChange(() => {
    authenticator.peersChanged();
    recheck();
  });
  const listeners = new Listeners(host.node.id, host.log, (socket, source) => void serve(socket, source));
  await listeners.set(config.listen);

  return {
    async connection(connection) {
      await serveStreams(connection, serve);
    },
    async configure(next) {
      // Whatever may fail comes first: then nothing has changed.
      const authentication = authenticator.prepare(next);
      const settings = forwardingOf(next);
      await listeners.set(next.listen);
      authentication();
      forwarding.configure(settings);
      config = next;
      recheck();
    },
    async drain() {
      listeners.close();
      for (const connection of connections) if (connection.isIdle) connection.end('shutdown');
      // Those of the bare listener are none of the host's.
      await Promise.all([...connections].map(({ closed }) => closed));
    },
    async stop() {
      stopFollowing();
      listeners.close();
      for (const connection of connections) connection.kill();
      await Promise.all([...connections].map(({ closed }) => closed));
    },
  };
}

/** Each stream that the other side opens is an SSH connection of its own. */
async function serveStreams(
  connection: Connection,
  serve: (stream: Duplex, source: Source) => Promise<void>,
): Promise<void> {
  const { transport, remote, auth } = connection;
  const source: Source = {
    via: viaOf(transport),
    remote,
    local: null,
    fingerprint: auth.fingerprint,
    parent: connection,
  };
  const served = new Set<Promise<void>>();
  for await (const stream of connection) {
    const done: Promise<void> = serve(stream, source).finally(() => served.delete(done));
    served.add(done);
  }
  await Promise.all(served);
}

function viaOf(transport: string): Via {
  return transport === 'quic' || transport === 'tls' || transport === 'iroh' ? transport : 'dispatch';
}
