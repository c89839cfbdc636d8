/** Elements without a framework. Text is always text: nothing here reads HTML. */

export type Child = Node | string | number | null | undefined | false | readonly Child[];

type Attribute = string | number | boolean | undefined | ((event: never) => void);

/** An element; attributes named `on…` are listeners, `undefined` and `false` are left out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as EventListener);
    else if (value !== undefined && value !== false)
      element.setAttribute(name, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

export function append(parent: Node, child: Child): void {
  if (child === null || child === undefined || child === false) return;
  if (child instanceof Node) parent.appendChild(child);
  else if (typeof child === 'object') for (const each of child) append(parent, each);
  else parent.appendChild(document.createTextNode(String(child)));
}

/** New content; what had the focus keeps it when something with the same `data-key` is there again. */
export function replace(parent: Element, ...children: Child[]): void {
  const { activeElement } = document;
  const key = parent.contains(activeElement) ? activeElement?.getAttribute('data-key') : undefined;
  parent.replaceChildren();
  append(parent, children);
  if (key === null || key === undefined) return;
  const again = parent.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (again instanceof HTMLElement) again.focus();
}

/** Calls now and again, a pause after each end, until the view is left. Hidden pages ask nothing. */
export function repeat(signal: AbortSignal, milliseconds: number, work: () => Promise<void>): void {
  const round = async () => {
    if (signal.aborted) return;
    if (document.visibilityState === 'visible') await work();
    if (!signal.aborted) setTimeout(round, milliseconds);
  };
  void round();
}

export function badge(text: string, kind = ''): HTMLElement {
  return h('span', { class: `badge ${kind}` }, text);
}

export function card(title: string, ...children: Child[]): HTMLElement {
  return h('section', { class: 'card' }, h('h2', {}, title), children);
}

/** A table in a box that scrolls by itself. */
export function table(label: string, heads: readonly string[], rows: readonly Child[][]): HTMLElement {
  const head = h(
    'thead',
    {},
    h(
      'tr',
      {},
      heads.map((text) => h('th', { scope: 'col' }, text)),
    ),
  );
  const body = h(
    'tbody',
    {},
    rows.map((cells) =>
      h(
        'tr',
        {},
        cells.map((cell) => h('td', {}, cell)),
      ),
    ),
  );
  return h(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': label, tabindex: 0 },
    h('table', {}, head, body),
  );
}

export function facts(rows: readonly (readonly [string, Child])[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    rows.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  );
}

/** A press that runs to its end before the next, and says what went wrong. */
export function action(
  label: string,
  attributes: Readonly<Record<string, Attribute>>,
  failed: (message: string) => void,
  work: () => Promise<void>,
): HTMLButtonElement {
  const button = h('button', { type: 'button', ...attributes }, label);
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await work();
    } catch (error) {
      failed(error instanceof Error ? error.message : String(error));
    } finally {
      button.disabled = false;
    }
  });
  return button;
}
