/** What is connected now, from `host/connections/list`. */

import { messageOf, type View } from '../app.ts';
import { action, badge, h, repeat, replace, table } from '../dom.ts';
import { time } from '../text.ts';

interface Connection {
  readonly id: string;
  readonly alpn: string;
  readonly plugin: string | null;
  readonly transport: string;
  readonly remote: string | null;
  readonly peer: string | null;
  readonly since: string;
  readonly streams: number;
  readonly calls: number;
}

const period = 2000;
/** The most that one answer of the node holds. */
const most = 1000;

export const connections: View = {
  id: 'connections',
  title: 'Connections',
  needs: 'host/connections/list',
  show(app, main, left) {
    const count = h('p', { class: 'hint' });
    const list = h('div', {});
    main.append(h('h1', {}, 'Connections'), count, list);
    let before = '';
    const look = async () => {
      try {
        const answer = await app.node.call('host/connections/list', { limit: most });
        const { connections: rows, next } = answer as { connections: Connection[]; next?: string };
        const now = JSON.stringify(rows);
        if (now === before || left.aborted) return;
        before = now;
        count.textContent = next === undefined ? `${rows.length} open` : `the oldest ${rows.length}`;
        replace(list, show(rows));
      } catch (error) {
        app.tell(messageOf(error), 'error');
      }
    };
    const mayClose = () => app.operations.has('host/connections/close');
    const show = (rows: readonly Connection[]) =>
      table(
        'Connections',
        ['Id', 'ALPN', 'Plugin', 'Transport', 'Remote', 'Peer', 'Since', 'Streams', 'Calls', ''],
        rows.map(({ id, alpn, plugin, transport, remote, peer, since, streams, calls }) => [
          h('code', {}, id),
          badge(alpn),
          plugin ?? '—',
          transport,
          h('code', {}, remote ?? '—'),
          peer ?? '—',
          time(since),
          streams,
          calls,
          mayClose() &&
            action(
              'Close',
              { class: 'quiet', 'data-key': id, 'aria-label': `Close connection ${id}` },
              (text) => app.tell(text, 'error'),
              async () => {
                await app.node.call('host/connections/close', { id });
                await look();
              },
            ),
        ]),
      );
    repeat(left, period, look);
  },
};
