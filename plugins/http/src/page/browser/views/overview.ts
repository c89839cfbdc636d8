/** What the node is and how it is, from `host/status`. */

import { type App, messageOf, type View } from '../app.ts';
import { badge, type Child, card, facts, h, repeat, replace, table } from '../dom.ts';
import { bytes, duration, time } from '../text.ts';

/** The members of `host/status` that are shown. */
interface Status {
  readonly id: string;
  readonly name?: string;
  readonly version: string;
  readonly state: string;
  readonly startedAt: string;
  readonly uptime: number;
  readonly configuration: {
    readonly path: string;
    readonly restartNeeded: readonly string[];
    readonly error?: string;
  };
  readonly listeners: readonly Row<'transport' | 'address' | 'state'>[];
  readonly certificates: readonly Certificate[];
  readonly plugins: readonly Row<'name' | 'version' | 'state'>[];
  readonly peers: readonly Row<'alias' | 'state'>[];
  readonly connections: number;
  readonly streams: number;
  readonly calls: {
    readonly running: number;
    readonly subscriptions: number;
    readonly byOutcome: Readonly<Record<string, number>>;
  };
  readonly refused: Readonly<Record<string, number>>;
  readonly memory: number;
  readonly vault: { readonly state: string; readonly protection: string };
  readonly problems: readonly { readonly where: string; readonly message: string; readonly since: string }[];
}
type Row<Names extends string> = { readonly [Name in Names]: string } & {
  readonly alpns?: readonly string[];
};
interface Certificate {
  readonly kind: string;
  readonly names: readonly string[];
  readonly notAfter: string;
  readonly sha256: string;
}

const period = 2000;

export const overview: View = {
  id: 'overview',
  title: 'Overview',
  needs: 'host/status',
  show(app, main, left) {
    const numbers = h('div', { class: 'numbers' });
    const rest = h('div', { class: 'cards' });
    main.append(h('h1', {}, 'Overview'), numbers, rest);
    let before = '';
    repeat(left, period, async () => {
      const status = await read(app);
      if (status === undefined || left.aborted) return;
      replace(numbers, tiles(status));
      // What moves all the time stands above; the rest is left alone while somebody reads it.
      const { uptime: _u, memory: _m, calls: _c, connections: _n, streams: _s, ...still } = status;
      const now = JSON.stringify(still);
      if (now !== before) replace(rest, cards(status));
      before = now;
    });
  },
};

async function read({ node, tell }: App): Promise<Status | undefined> {
  try {
    return (await node.call('host/status')) as Status;
  } catch (error) {
    tell(messageOf(error), 'error');
    return undefined;
  }
}

function tiles({ uptime, connections, calls, memory, plugins }: Status): Child {
  const done = Object.values(calls.byOutcome).reduce((sum, count) => sum + count, 0);
  const failed = done - (calls.byOutcome['ok'] ?? 0);
  const tile = (name: string, value: string, more: string) =>
    h('div', { class: 'tile' }, h('span', {}, name), h('strong', {}, value), h('small', {}, more));
  const running = plugins.filter(({ state }) => state === 'running').length;
  return [
    tile('Up for', duration(uptime), 'since the last start'),
    tile(
      'Connections',
      String(connections),
      `${calls.running} calls, ${calls.subscriptions} subscriptions running`,
    ),
    tile('Calls', done.toLocaleString(), failed === 0 ? 'none failed' : `${failed.toLocaleString()} not ok`),
    tile('Plugins', `${running} of ${plugins.length}`, 'running'),
    tile('Memory', bytes(memory), 'resident'),
  ];
}

function cards(status: Status): Child {
  const { configuration, listeners, certificates, peers, problems, refused, vault } = status;
  return [
    problems.length > 0 &&
      h(
        'section',
        { class: 'card wide problem' },
        h('h2', {}, 'Problems'),
        h(
          'ul',
          {},
          problems.map(({ where, message }) => h('li', {}, h('strong', {}, where), ' ', message)),
        ),
      ),
    card(
      'Node',
      facts([
        ['Name', status.name ?? '—'],
        ['Identity', h('code', { class: 'break' }, status.id)],
        ['Version', status.version],
        ['State', badge(status.state, status.state === 'running' ? 'good' : 'warn')],
        ['Started', time(status.startedAt)],
        ['Vault', `${vault.state}, ${vault.protection}`],
        ['Configuration', h('code', { class: 'break' }, configuration.path)],
        ...(configuration.restartNeeded.length > 0
          ? [['Waits for a restart', configuration.restartNeeded.join(', ')] as const]
          : []),
      ]),
    ),
    card(
      'Listeners',
      table(
        'Listeners',
        ['Transport', 'Address', 'ALPNs', 'State'],
        listeners.map(({ transport, address, alpns = [], state }) => [
          transport,
          h('code', {}, address),
          alpns.map((alpn) => badge(alpn)),
          badge(state, state === 'up' ? 'good' : 'warn'),
        ]),
      ),
    ),
    card(
      'Certificates',
      table(
        'Certificates',
        ['Kind', 'Names', 'Valid until', 'SHA-256'],
        certificates.map(({ kind, names, notAfter, sha256 }) => [
          kind,
          names.join(', ') || '—',
          time(notAfter),
          h('code', { title: sha256 }, `${sha256.slice(0, 16)}…`),
        ]),
      ),
    ),
    peers.length > 0 &&
      card(
        'Peers',
        table(
          'Peers',
          ['Alias', 'State'],
          peers.map(({ alias, state }) => [alias, badge(state, state === 'connected' ? 'good' : 'warn')]),
        ),
      ),
    Object.keys(refused).length > 0 &&
      card(
        'Refused by a limit',
        facts(Object.entries(refused).map(([limit, count]) => [limit, String(count)])),
      ),
  ];
}
