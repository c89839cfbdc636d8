/** Asks for a token. It stays in memory, or in this tab's session storage when the user wants that. */

import { h } from './dom.ts';

const stored = 'alknet.token';

export function keptToken(): string | null {
  return sessionStorage.getItem(stored);
}

export function forgetToken(): void {
  sessionStorage.removeItem(stored);
}

/** `signIn` rejects with what to tell the user. */
export function signInForm(signIn: (token: string) => Promise<void>, said = ''): HTMLElement {
  const token = h('input', {
    id: 'token',
    type: 'password',
    required: true,
    autocomplete: 'current-password',
    spellcheck: 'false',
    placeholder: 'alk_…',
  });
  const keep = h('input', { id: 'keep', type: 'checkbox' });
  const problem = h('p', { class: 'error', role: 'alert', hidden: said === '' }, said);
  const press = h('button', { class: 'primary' }, 'Sign in');
  const form = h(
    'form',
    { class: 'card', 'aria-label': 'Sign in' },
    h('h1', {}, 'alknet'),
    h('p', { class: 'hint' }, location.host),
    h('div', { class: 'field' }, h('label', { for: 'token' }, 'Token'), token),
    h('label', { class: 'check', for: 'keep' }, keep, ' keep it until this tab is closed'),
    problem,
    press,
    h(
      'p',
      { class: 'hint' },
      'Make one on the node: ',
      h('code', {}, 'alknet token new NAME --scope host:read'),
    ),
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    press.disabled = true;
    problem.hidden = true;
    try {
      const given = token.value.trim();
      await signIn(given);
      if (keep.checked) sessionStorage.setItem(stored, given);
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
      press.disabled = false;
      token.select();
    }
  });
  return h('main', { class: 'sign-in' }, form);
}
