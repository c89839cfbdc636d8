/** The page of an operator: signs in, and shows one view at a time. */

import type { App, View } from './app.ts';
import { h, replace } from './dom.ts';
import { NodeLink } from './node.ts';
import { OperationList } from './operation-list.ts';
import { forgetToken, keptToken, signInForm } from './sign-in.ts';
import { short } from './text.ts';
import { connections } from './views/connections.ts';
import { log } from './views/log.ts';
import { operations } from './views/operations.ts';
import { overview } from './views/overview.ts';
import { plugins } from './views/plugins.ts';

const views: readonly View[] = [overview, operations, plugins, connections, log];

/** Milliseconds that a message stands. */
const messageTime = 6000;

const main = h('main', { id: 'main', tabindex: -1 });
const nav = h('nav', { class: 'views', 'aria-label': 'Views' });
const state = h('span', { class: 'state', role: 'status' });
const nodeName = h('span', { class: 'node' });
const message = h('div', { class: 'message', role: 'status', 'aria-live': 'polite', hidden: true });
const help = h(
  'dialog',
  { 'aria-label': 'Keys' },
  h('h2', {}, 'Keys'),
  h(
    'dl',
    { class: 'facts' },
    [
      ['1 – 5', 'views'],
      ['/', 'search operations'],
      ['Ctrl Enter', 'call or subscribe'],
      ['Esc', 'stop what runs'],
      ['?', 'this list'],
    ].map(([key, what]) => h('div', {}, h('dt', {}, h('kbd', {}, key ?? '')), h('dd', {}, what ?? ''))),
  ),
  h('form', { method: 'dialog' }, h('button', {}, 'Close')),
);

let shown = new AbortController();
let messageTimer = 0;
let isIn = false;

function tell(text: string, kind?: 'error'): void {
  message.textContent = text;
  message.className = `message ${kind ?? ''}`;
  message.hidden = false;
  clearTimeout(messageTimer);
  messageTimer = window.setTimeout(() => {
    message.hidden = true;
  }, messageTime);
}

function setState(text: string, kind: string): void {
  replace(state, h('span', { class: `dot ${kind}`, 'aria-hidden': 'true' }), text);
}

const node = new NodeLink({
  opened() {
    setState('connected', 'good');
    if (isIn) void follow();
  },
  lost(reason) {
    setState(`connection lost${reason === '' ? '' : `: ${reason}`}, trying again …`, 'bad');
  },
  revoked: () => signOut('The node has taken this token back.'),
});
const app: App = { node, operations: new OperationList(node), tell };

/** On a new session what is shown is asked for anew. */
async function follow(): Promise<void> {
  await app.operations.follow();
  show();
  if (!app.operations.has('host/status')) return;
  try {
    const { id, name } = (await node.call('host/status')) as { id: string; name?: string };
    nodeName.textContent = name ?? short(id);
    nodeName.title = id;
    document.title = `${name ?? short(id)} · alknet`;
  } catch {
    // The view says what is wrong.
  }
}

function mayShow({ needs }: View): boolean {
  return needs === undefined || app.operations.has(needs);
}

function show(): void {
  shown.abort();
  shown = new AbortController();
  const [, id = '', ...rest] = location.hash.split('/');
  const open = views.filter(mayShow);
  const view = open.find((each) => each.id === id) ?? open[0] ?? operations;
  replace(
    nav,
    views.map((each, at) =>
      h(
        'a',
        {
          href: `#/${each.id}`,
          'data-key': each.id,
          'aria-current': each === view ? 'page' : undefined,
          'aria-disabled': mayShow(each) ? undefined : 'true',
          title: mayShow(each) ? undefined : `needs ${each.needs}, which this token may not call`,
        },
        each.title,
        h('kbd', { 'aria-hidden': 'true' }, String(at + 1)),
      ),
    ),
  );
  main.replaceChildren();
  main.className = `view-${view.id}`;
  view.show(app, main, shown.signal, decodeURIComponent(rest.join('/')));
}

async function signIn(token: string): Promise<void> {
  await node.signIn(token);
  isIn = true;
  document.body.replaceChildren(
    h(
      'a',
      {
        class: 'skip',
        href: '#main',
        onclick: (event: Event) => {
          event.preventDefault();
          main.focus();
        },
      },
      'Skip to the content',
    ),
    h(
      'header',
      {},
      h('strong', { class: 'brand' }, 'alknet'),
      nodeName,
      state,
      h(
        'button',
        { type: 'button', class: 'quiet', 'aria-label': 'Keys', onclick: () => help.showModal() },
        '?',
      ),
      h('button', { type: 'button', class: 'quiet', onclick: () => signOut() }, 'Sign out'),
    ),
    nav,
    main,
    message,
    help,
  );
  await follow();
}

function signOut(said = ''): void {
  isIn = false;
  shown.abort();
  forgetToken();
  node.signOut();
  document.body.replaceChildren(signInForm(signIn, said));
  document.querySelector('input')?.focus();
}

window.addEventListener('hashchange', () => {
  if (!isIn) return;
  show();
  window.scrollTo(0, 0);
});

document.addEventListener('keydown', (event) => {
  const { key, target } = event;
  const isWriting = target instanceof HTMLElement && target.matches('input, textarea, select');
  if (!isIn || event.ctrlKey || event.metaKey || event.altKey) return;
  if (key === 'Escape') {
    const stop = [...document.querySelectorAll('button')].find(
      (button) => button.textContent === 'Stop' && !button.hidden,
    );
    stop?.click();
    return;
  }
  if (isWriting || help.open) return;
  const view = views[Number(key) - 1];
  if (view !== undefined && mayShow(view)) location.hash = `#/${view.id}`;
  else if (key === '/') {
    if (!location.hash.startsWith('#/operations')) location.hash = '#/operations';
    setTimeout(() => document.getElementById('search')?.focus());
    event.preventDefault();
  } else if (key === '?') help.showModal();
});

const kept = keptToken();
if (kept === null) signOut();
else signIn(kept).catch((error: unknown) => signOut(error instanceof Error ? error.message : String(error)));
