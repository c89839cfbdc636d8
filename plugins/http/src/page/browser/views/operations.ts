/** Every operation that the caller may use, by namespace, and the one that is looked at. */

import { messageOf, type View } from '../app.ts';
import { type Child, h, replace } from '../dom.ts';
import type { Entry } from '../operation-list.ts';
import { callForm } from './call-form.ts';

const signs = { query: 'Q', mutation: 'M', subscription: 'S' } as const;

export const operations: View = {
  id: 'operations',
  title: 'Operations',
  show(app, main, left, rest) {
    const search = h('input', {
      id: 'search',
      type: 'search',
      placeholder: 'Search operations',
      autocomplete: 'off',
      spellcheck: 'false',
      'aria-controls': 'operation-list',
      'aria-keyshortcuts': '/',
    });
    const list = h('nav', { id: 'operation-list', class: 'operations', 'aria-label': 'Operations' });
    const detail = h('div', { class: 'detail' });
    main.append(
      h('h1', {}, 'Operations'),
      h(
        'div',
        { class: 'split' },
        h(
          'div',
          { class: 'side' },
          h('label', { for: 'search', class: 'hidden' }, 'Search operations'),
          search,
          list,
        ),
        detail,
      ),
    );

    const found = () => {
      const words = search.value.toLowerCase().split(/\s+/);
      return app.operations.all.filter(({ name, description }) => {
        const text = `${name} ${description}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
    };
    const draw = () => replace(list, grouped(found(), rest));
    search.addEventListener('input', draw);
    search.addEventListener('keydown', ({ key }) => {
      const [first] = list.querySelectorAll('a');
      if (key === 'ArrowDown') first?.focus();
      if (key === 'Enter') first?.click();
    });
    list.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
      const links = [...list.querySelectorAll('a')];
      const { activeElement } = document;
      const at = activeElement instanceof HTMLAnchorElement ? links.indexOf(activeElement) : -1;
      const next = links[at + (event.key === 'ArrowDown' ? 1 : -1)];
      (next ?? search).focus();
      event.preventDefault();
    });
    app.operations.onChange(draw, left);
    draw();
    list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });

    if (rest === '') {
      detail.append(
        h('p', { class: 'empty' }, 'Choose an operation. ', h('kbd', {}, '/'), ' searches, arrows move.'),
      );
      return;
    }
    app.operations.spec(rest).then(
      (spec) => {
        if (!left.aborted) detail.append(callForm(app, spec, left));
      },
      (error: unknown) => detail.append(h('p', { class: 'error' }, messageOf(error))),
    );
  },
};

function grouped(entries: readonly Entry[], current: string): Child {
  if (entries.length === 0) return h('p', { class: 'empty' }, 'Nothing matches.');
  const groups = new Map<string, Entry[]>();
  for (const entry of entries) {
    const group = groups.get(entry.namespace) ?? [];
    group.push(entry);
    groups.set(entry.namespace, group);
  }
  return [...groups].map(([namespace, group]) => [
    h('h2', {}, namespace),
    h(
      'ul',
      {},
      group.map((entry) => h('li', {}, link(entry, current))),
    ),
  ]);
}

function link({ name, namespace, op_type: type, description }: Entry, current: string): HTMLElement {
  return h(
    'a',
    {
      href: `#/operations/${name}`,
      title: description,
      'data-key': name,
      'aria-current': name === current ? 'page' : undefined,
    },
    h('span', { class: `sign ${type}`, 'aria-hidden': 'true' }, signs[type]),
    h('span', { class: 'hidden' }, `${type} `),
    name.slice(namespace.length + 1),
  );
}
