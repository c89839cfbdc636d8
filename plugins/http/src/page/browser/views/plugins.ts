/** What runs, where its code came from, and what it may do, from `host/plugins/list`. */

import { type App, messageOf, type View } from '../app.ts';
import { action, badge, type Child, facts, h, repeat, replace } from '../dom.ts';
import { time } from '../text.ts';

type Rights = Readonly<Record<string, unknown>>;

/** The members of an entry that are shown. */
interface Plugin {
  readonly name: string;
  readonly package: string;
  readonly version: string;
  readonly state: string;
  readonly isolation: string;
  readonly alpns: readonly string[];
  readonly operations: readonly string[];
  readonly provenance: {
    readonly integrity?: string;
    readonly signer?: { readonly name: string; readonly key: string };
  } | null;
  readonly requested: Rights;
  readonly granted: Rights;
  readonly missing: readonly { readonly member: string; readonly entry: string; readonly add: string }[];
  readonly refused?: readonly { readonly member: string; readonly entry: string; readonly count: number }[];
  readonly loadedAt?: string;
  readonly problems?: readonly string[];
  readonly error?: string;
}

const period = 3000;

export const plugins: View = {
  id: 'plugins',
  title: 'Plugins',
  needs: 'host/plugins/list',
  show(app, main, left) {
    const list = h('div', { class: 'cards' });
    main.append(h('h1', {}, 'Plugins'), list);
    let before = '';
    const look = async () => {
      try {
        const { plugins } = (await app.node.call('host/plugins/list', { limit: 1000 })) as {
          plugins: Plugin[];
        };
        const now = JSON.stringify(plugins);
        if (now !== before && !left.aborted)
          replace(
            list,
            plugins.map((plugin) => entry(app, plugin, look)),
          );
        before = now;
      } catch (error) {
        app.tell(messageOf(error), 'error');
      }
    };
    repeat(left, period, look);
  },
};

const kinds: Readonly<Record<string, string>> = { running: 'good', failed: 'bad', disabled: '' };

function entry(app: App, plugin: Plugin, look: () => Promise<void>): HTMLElement {
  const {
    name,
    version,
    state,
    isolation,
    alpns,
    operations,
    provenance,
    missing,
    refused = [],
    error,
  } = plugin;
  const signer = provenance?.signer;
  return h(
    'section',
    { class: 'card', 'aria-label': name },
    h('h2', {}, name, ' ', h('small', {}, version), ' ', badge(state, kinds[state] ?? 'warn')),
    error !== undefined && h('p', { class: 'error' }, error),
    (plugin.problems ?? []).map((problem) => h('p', { class: 'warning' }, problem)),
    facts([
      ['Package', plugin.package === '' ? '—' : h('code', { class: 'break' }, plugin.package)],
      [
        'Integrity',
        provenance?.integrity === undefined ? '—' : h('code', { class: 'break' }, provenance.integrity),
      ],
      ['Signed by', signer === undefined ? 'nobody' : h('span', { title: signer.key }, signer.name)],
      ['Runs', isolation === 'worker' ? 'in a thread of its own' : isolation],
      ...(plugin.loadedAt === undefined ? [] : [['Loaded', time(plugin.loadedAt)] as const]),
      ['ALPNs', alpns.length === 0 ? 'none' : alpns.map((alpn) => badge(alpn))],
      ['Operations', operations.length === 0 ? 'none' : operations.map((each) => operationLink(app, each))],
      ['Granted', rights(plugin.granted)],
    ]),
    missing.length > 0 &&
      h(
        'details',
        { open: true },
        h('summary', {}, `Asks for ${missing.length} more that you have not granted`),
        h(
          'ul',
          {},
          missing.map(({ member, entry: wanted, add }) =>
            h('li', {}, `${member}: ${wanted} — `, h('code', { class: 'break' }, add)),
          ),
        ),
      ),
    refused.length > 0 &&
      h(
        'details',
        {},
        h('summary', {}, 'Reached for what it was not granted'),
        h(
          'ul',
          {},
          refused.map((each) => h('li', {}, `${each.member}: ${each.entry}, ${each.count} times`)),
        ),
      ),
    h('div', { class: 'actions' }, actions(app, plugin, look)),
  );
}

function operationLink({ operations }: App, name: string): Child {
  return operations.has(name)
    ? h('a', { class: 'badge', href: `#/operations/${name}` }, name)
    : badge(name, 'faint');
}

function rights(granted: Rights): Child {
  const rows = Object.entries(granted).flatMap(([member, entries]) => {
    if (Array.isArray(entries)) return entries.map((each) => `${member}: ${String(each)}`);
    if (typeof entries === 'object' && entries !== null)
      return Object.entries(entries).map(([type, list]) => `${member}: ${type} ${[list].flat().join(', ')}`);
    return entries === true ? [member] : [];
  });
  return rows.length === 0 ? 'nothing' : rows.map((row) => badge(row));
}

function actions(app: App, { name, state }: Plugin, look: () => Promise<void>): Child {
  const press = (label: string, operation: string, input: object) =>
    app.operations.has(operation) &&
    action(
      label,
      { 'data-key': `${operation} ${name}` },
      (message) => app.tell(message, 'error'),
      async () => {
        await app.node.call(operation, input);
        app.tell(`${name}: ${label.toLowerCase()} done`);
        await look();
      },
    );
  return state === 'disabled'
    ? press('Enable', 'host/plugins/enable', { name })
    : [press('Reload', 'host/plugins/reload', { name }), press('Disable', 'host/plugins/disable', { name })];
}
