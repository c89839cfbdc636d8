/** One operation: what it is, a form for its input, and what it answers. */

import { CallError } from '@alknet/sdk/browser';
import type { App } from '../app.ts';
import { badge, type Child, h, replace } from '../dom.ts';
import { jsonText, jsonView } from '../json-view.ts';
import type { Spec } from '../operation-list.ts';
import { formOf } from '../schema-form.ts';

/** Values of a subscription that are kept in the page. */
const kept = 200;

export function callForm(app: App, spec: Spec, left: AbortSignal): HTMLElement {
  const isSubscription = spec.op_type === 'subscription';
  const field = formOf(spec.input_schema, 'input');
  const raw = h('textarea', {
    id: 'raw',
    class: 'code',
    rows: 8,
    spellcheck: 'false',
    'aria-label': 'Input as JSON',
    hidden: true,
  });
  const asJson = h('input', { type: 'checkbox', id: 'as-json' });
  const run = h(
    'button',
    { type: 'submit', class: spec.destructive === true ? 'danger' : 'primary' },
    isSubscription ? 'Subscribe' : 'Call',
  );
  const stop = h('button', { type: 'button', hidden: true }, 'Stop');
  const output = h('div', { class: 'output', 'aria-live': 'polite', 'aria-label': 'Answer', role: 'region' });

  asJson.addEventListener('change', () => {
    if (asJson.checked) raw.value = jsonText(field.read() ?? {});
    else {
      try {
        field.fill(JSON.parse(raw.value));
      } catch {
        // What is no JSON cannot be shown in the form: it begins anew.
      }
    }
    raw.hidden = !asJson.checked;
    field.element.hidden = asJson.checked;
  });
  raw.addEventListener('input', () => raw.setCustomValidity(''));

  const form = h(
    'form',
    { 'aria-label': spec.name },
    field.element,
    raw,
    h(
      'div',
      { class: 'actions' },
      run,
      stop,
      h('label', { class: 'check', for: 'as-json' }, asJson, ' as JSON'),
      h('span', { class: 'hint' }, h('kbd', {}, 'Ctrl'), ' ', h('kbd', {}, 'Enter')),
    ),
  );
  const read = (): { readonly value: unknown } | undefined => {
    let value: unknown;
    if (asJson.checked) {
      try {
        value = JSON.parse(raw.value);
      } catch (error) {
        raw.setCustomValidity(`This is not JSON: ${error instanceof Error ? error.message : ''}`);
      }
    } else value = field.read();
    return form.reportValidity() ? { value } : undefined;
  };
  form.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  let running: AbortController | undefined;
  stop.addEventListener('click', () => running?.abort());
  left.addEventListener('abort', () => running?.abort());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const input = read();
    if (input === undefined || running !== undefined) return;
    if (spec.destructive === true && !confirm(`${spec.name} cannot be taken back. Call it?`)) return;
    running = new AbortController();
    run.disabled = true;
    stop.hidden = false;
    const { signal } = running;
    try {
      if (isSubscription) await follow(app, spec.name, input.value, signal, output);
      else await call(app, spec.name, input.value, signal, output);
    } finally {
      running = undefined;
      run.disabled = false;
      stop.hidden = true;
    }
  });

  return h('article', {}, head(spec), form, output);
}

function head(spec: Spec): Child {
  const {
    name,
    title,
    op_type: type,
    description,
    access_control: access,
    error_schemas: errors,
    timeout_ms: timeout,
  } = spec;
  const scopes = [
    ...access.required_scopes,
    ...(access.required_scopes_any ?? []).map((scope) => `any: ${scope}`),
  ];
  return [
    h('h2', {}, title ?? name, ' ', badge(type, type)),
    h('p', { class: 'name' }, h('code', {}, name)),
    description !== '' && h('p', {}, description),
    h(
      'p',
      { class: 'badges' },
      badge(access.authenticated ? 'needs an identity' : 'public', 'faint'),
      scopes.map((scope) => badge(scope, 'faint')),
      timeout !== null && badge(`${timeout} ms`, 'faint'),
      spec.idempotent === true && badge('idempotent', 'faint'),
      spec.destructive === true && badge('destructive', 'bad'),
      errors.map(({ code, description: about }) => h('span', { class: 'badge faint', title: about }, code)),
    ),
    h(
      'details',
      { class: 'schema' },
      h('summary', {}, 'Schemas'),
      h('h3', {}, 'Input'),
      jsonView(spec.input_schema),
      h('h3', {}, 'Output'),
      jsonView(spec.output_schema),
    ),
  ];
}

async function call(
  { node }: App,
  name: string,
  input: unknown,
  signal: AbortSignal,
  output: HTMLElement,
): Promise<void> {
  const started = performance.now();
  const done = (kind: string, text: string, ...more: Child[]) =>
    replace(
      output,
      h('p', { class: 'outcome' }, badge(text, kind), ` ${Math.round(performance.now() - started)} ms`),
      more,
    );
  replace(output, h('p', { class: 'outcome' }, badge('running')));
  try {
    const value = await node.call(name, input ?? null, { signal });
    done('good', 'ok', copy(value), jsonView(value));
  } catch (error) {
    done('bad', codeOf(error), failure(error));
  }
}

async function follow(
  { node }: App,
  name: string,
  input: unknown,
  signal: AbortSignal,
  output: HTMLElement,
): Promise<void> {
  const state = h('span', {}, badge('running', 'good'));
  const count = h('span', {}, ' 0 values');
  const list = h('ol', { class: 'values' });
  replace(output, h('p', { class: 'outcome' }, state, count), list);
  let seen = 0;
  let waiting: unknown[] = [];
  let flushing = false;
  const flush = () => {
    flushing = false;
    count.textContent = ` ${seen.toLocaleString()} value${seen === 1 ? '' : 's'}`;
    const newest = waiting.slice(-kept);
    const first = seen - newest.length;
    waiting = [];
    list.prepend(...newest.map((value, at) => h('li', { value: first + at + 1 }, jsonView(value))).reverse());
    while (list.childElementCount > kept) list.lastElementChild?.remove();
  };
  try {
    for await (const value of node.subscribe(name, input ?? null, signal)) {
      seen++;
      waiting.push(value);
      if (flushing) continue;
      flushing = true;
      // Many values at a time: each by itself would lay the page out anew.
      setTimeout(flush, 50);
    }
    replace(state, badge('completed', 'good'));
  } catch (error) {
    if (signal.aborted) replace(state, badge('stopped', 'warn'));
    else {
      replace(state, badge(codeOf(error), 'bad'));
      output.append(failure(error));
    }
  } finally {
    flush();
  }
}

function codeOf(error: unknown): string {
  return error instanceof CallError ? error.code : 'INTERNAL';
}

function failure(error: unknown): HTMLElement {
  return h(
    'div',
    { class: 'error' },
    error instanceof Error ? error.message : String(error),
    error instanceof CallError && error.details !== undefined && jsonView(error.details),
  );
}

function copy(value: unknown): HTMLElement {
  const button = h('button', { type: 'button', class: 'quiet copy' }, 'Copy');
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(jsonText(value));
    button.textContent = 'Copied';
  });
  return button;
}
