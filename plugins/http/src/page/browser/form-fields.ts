/** Fields of a form that hold one value: text, a number, a choice, and JSON for all else. */

import { h } from './dom.ts';
import { jsonText } from './json-view.ts';
import type { JsonSchema } from './operation-list.ts';
import type { Schema } from './schema-reading.ts';

export interface Field {
  readonly element: HTMLElement;
  /** `undefined`: left out. Validity is the form's own (`form.reportValidity()`), but for JSON, which is told here. */
  read(): unknown;
  fill(value: unknown): void;
  /** Whether nobody has given it anything. */
  isBlank(): boolean;
}

export interface Place {
  readonly label: string;
  readonly required: boolean;
  /** Required, and so is all that it stands in. */
  readonly demanded: boolean;
  /** Unique in the page. */
  readonly id: string;
  readonly root: JsonSchema;
  readonly depth: number;
}

function labelled(
  { description }: Schema,
  { label, required, id }: Place,
  control: HTMLElement,
): HTMLElement {
  if (typeof description === 'string' && description !== '')
    control.setAttribute('aria-describedby', `${id}-about`);
  return h(
    'div',
    { class: 'field' },
    label !== '' &&
      h(
        'label',
        { for: id },
        label,
        required ? h('span', { class: 'required', title: 'required' }, ' *') : '',
      ),
    control,
    typeof description === 'string' && h('p', { class: 'hint', id: `${id}-about` }, description),
  );
}

function hintOf({ default: preset, examples, format }: Schema): string | undefined {
  if (preset !== undefined) return `default: ${JSON.stringify(preset)}`;
  if (Array.isArray(examples) && examples.length > 0) return `for example ${JSON.stringify(examples[0])}`;
  return typeof format === 'string' ? format : undefined;
}

export function textField(schema: Schema, place: Place): Field {
  const { minLength, maxLength, pattern, contentEncoding } = schema;
  const long = typeof maxLength === 'number' && maxLength > 300;
  const attributes = {
    id: place.id,
    name: place.id,
    placeholder: contentEncoding === 'base64' ? 'base64' : hintOf(schema),
    autocomplete: 'off',
    spellcheck: 'false',
    minlength: typeof minLength === 'number' ? minLength : undefined,
    maxlength: typeof maxLength === 'number' ? maxLength : undefined,
    required: place.demanded && typeof minLength === 'number' && minLength > 0,
  };
  const control = long
    ? h('textarea', { ...attributes, rows: 4 })
    : h('input', {
        ...attributes,
        type: 'text',
        pattern: typeof pattern === 'string' ? `.*(?:${pattern}).*` : undefined,
      });
  return {
    element: labelled(schema, place, control),
    read: () => (control.value === '' && !place.required ? undefined : control.value),
    fill: (value) => {
      control.value = typeof value === 'string' ? value : '';
    },
    isBlank: () => control.value === '',
  };
}

export function numberField(schema: Schema, place: Place): Field {
  const { type, minimum, maximum } = schema;
  const control = h('input', {
    id: place.id,
    type: 'number',
    step: type === 'integer' ? 1 : 'any',
    min: typeof minimum === 'number' ? minimum : undefined,
    max: typeof maximum === 'number' ? maximum : undefined,
    placeholder: hintOf(schema),
    required: place.demanded,
  });
  return {
    element: labelled(schema, place, control),
    read: () => (control.value === '' ? undefined : control.valueAsNumber),
    fill: (value) => {
      control.value = typeof value === 'number' ? String(value) : '';
    },
    isBlank: () => control.value === '',
  };
}

export function choiceField(choices: readonly unknown[], schema: Schema, place: Place): Field {
  const preset = schema['default'] === undefined ? '—' : `— (${JSON.stringify(schema['default'])})`;
  const nothing =
    place.required && schema['default'] === undefined ? [] : [h('option', { value: '' }, preset)];
  const control = h(
    'select',
    { id: place.id },
    nothing,
    choices.map((choice, at) =>
      h('option', { value: at }, typeof choice === 'string' ? choice : JSON.stringify(choice)),
    ),
  );
  return {
    element: labelled(schema, place, control),
    read: () => (control.value === '' ? undefined : choices[Number(control.value)]),
    fill: (value) => {
      const at = choices.findIndex((choice) => JSON.stringify(choice) === JSON.stringify(value));
      control.value = at === -1 ? (nothing.length > 0 ? '' : '0') : String(at);
    },
    isBlank: () => control.selectedIndex <= 0,
  };
}

export function jsonField(schema: Schema, place: Place): Field {
  const control = h('textarea', {
    id: place.id,
    class: 'code',
    rows: place.depth === 0 ? 6 : 3,
    placeholder: hintOf(schema) ?? 'JSON',
    spellcheck: 'false',
    oninput: () => control.setCustomValidity(''),
  });
  return {
    element: labelled(schema, place, control),
    read: () => {
      if (control.value.trim() === '') return undefined;
      try {
        return JSON.parse(control.value) as unknown;
      } catch (error) {
        control.setCustomValidity(`This is not JSON: ${error instanceof Error ? error.message : ''}`);
        return undefined;
      }
    },
    fill: (value) => {
      control.value = value === undefined ? '' : jsonText(value);
    },
    isBlank: () => control.value.trim() === '',
  };
}
