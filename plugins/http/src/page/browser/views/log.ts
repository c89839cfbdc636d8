/** The log of the node as it is written, from `host/log`. */

import { messageOf, type View } from '../app.ts';
import { badge, h } from '../dom.ts';
import { clock } from '../text.ts';

interface Line {
  readonly at: string;
  readonly level: string;
  readonly plugin: string | null;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Lines that are kept in the page. */
const kept = 1000;
const backlog = 200;
const levels = ['error', 'warn', 'notice', 'info', 'debug', 'trace'];
const kinds: Readonly<Record<string, string>> = { error: 'bad', warn: 'warn', notice: 'good' };

export const log: View = {
  id: 'log',
  title: 'Log',
  needs: 'host/log',
  show(app, main, left) {
    const level = h(
      'select',
      { id: 'log-level' },
      levels.map((name) => h('option', { selected: name === 'info' }, name)),
    );
    const filter = h('input', {
      id: 'log-filter',
      type: 'search',
      placeholder: 'Only lines with …',
      autocomplete: 'off',
    });
    const pause = h('button', { type: 'button', 'aria-pressed': 'false' }, 'Pause');
    const lines = h('div', { class: 'log', role: 'log', 'aria-label': 'Log', tabindex: 0 });
    main.append(
      h('h1', {}, 'Log'),
      h(
        'div',
        { class: 'bar' },
        h('label', { for: 'log-level' }, 'Level'),
        level,
        h('label', { for: 'log-filter', class: 'hidden' }, 'Filter'),
        filter,
        pause,
      ),
      lines,
    );

    let waiting: HTMLElement[] = [];
    let flushing = false;
    let paused = false;
    const matches = (element: HTMLElement) =>
      element.textContent?.toLowerCase().includes(filter.value.toLowerCase()) !== false;
    const flush = () => {
      flushing = false;
      if (paused) return;
      const atEnd = lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 24;
      const added = waiting.splice(0);
      // By the filter of this moment: it may have changed while they waited.
      for (const element of added) element.hidden = !matches(element);
      lines.append(...added);
      while (lines.childElementCount > kept) lines.firstElementChild?.remove();
      if (atEnd) lines.scrollTop = lines.scrollHeight;
    };
    const add = (element: HTMLElement) => {
      waiting.push(element);
      if (waiting.length > kept) waiting.shift();
      if (flushing || paused) return;
      flushing = true;
      // Many lines at a time: each by itself would lay the page out anew.
      setTimeout(flush, 50);
    };
    filter.addEventListener('input', () => {
      for (const element of lines.children)
        if (element instanceof HTMLElement) element.hidden = !matches(element);
    });
    pause.addEventListener('click', () => {
      paused = !paused;
      pause.setAttribute('aria-pressed', String(paused));
      pause.textContent = paused ? 'Go on' : 'Pause';
      flush();
    });

    let following = new AbortController();
    const follow = async () => {
      following.abort();
      following = new AbortController();
      const { signal } = following;
      lines.replaceChildren();
      waiting = [];
      try {
        for await (const value of app.node.subscribe('host/log', { level: level.value, backlog }, signal)) {
          if (signal.aborted) return;
          add(lineOf(value as Line | { readonly skipped: number }));
        }
      } catch (error) {
        if (!signal.aborted) app.tell(messageOf(error), 'error');
      }
    };
    level.addEventListener('change', () => void follow());
    left.addEventListener('abort', () => following.abort());
    void follow();
  },
};

function lineOf(line: Line | { readonly skipped: number }): HTMLElement {
  if ('skipped' in line) return h('p', { class: 'line' }, `… ${line.skipped} lines skipped`);
  const { at, level, plugin, message, fields } = line;
  return h(
    'p',
    { class: 'line' },
    h('time', { datetime: at }, clock(at)),
    badge(level, kinds[level] ?? 'faint'),
    h('span', { class: 'from' }, plugin ?? 'host'),
    h('strong', {}, message),
    Object.entries(fields).map(([name, value]) => [
      ' ',
      h('span', { class: 'key' }, `${name}=`),
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
}
