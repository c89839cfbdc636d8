/** A form for a value that a JSON Schema describes; what no form fits is written as JSON. */

import { h } from './dom.ts';
import { jsonText } from './json-view.ts';
import type { JsonSchema } from './operation-list.ts';

export interface Field {
  readonly element: HTMLElement;
  /** `undefined`: left out. Validity is the form's own (`form.reportValidity()`), but for JSON, which is told here. */
  read(): unknown;
  fill(value: unknown): void;
  /** Whether nobody has given it anything. */
  isBlank(): boolean;
}

interface Place {
  readonly label: string;
  readonly required: boolean;
  /** Required, and so is all that it stands in. */
  readonly demanded: boolean;
  /** Unique in the page. */
  readonly id: string;
  readonly root: JsonSchema;
  readonly depth: number;
}

type Schema = Readonly<Record<string, unknown>>;

const deepest = 4;

export function formOf(schema: JsonSchema, id: string): Field {
  return fieldOf(schema, { label: '', required: true, demanded: true, id, root: schema, depth: 0 });
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldOf(given: unknown, place: Place): Field {
  const schema = resolved(given, place.root);
  if (!isSchema(schema) || place.depth > deepest) return jsonField(isSchema(schema) ? schema : {}, place);
  const choices = choicesOf(schema);
  if (choices !== undefined) return choiceField(choices, schema, place);
  const { type, properties, items } = schema;
  if (type === 'boolean') return choiceField([true, false], schema, place);
  if (type === 'string') return textField(schema, place);
  if (type === 'integer' || type === 'number') return numberField(schema, place);
  if (type === 'array' && isSchema(items)) return listField(items, place);
  if (isSchema(properties) && (type === 'object' || type === undefined))
    return objectField(schema, properties, place);
  return jsonField(schema, place);
}

/** A reference into the same schema, and the one alternative beside `null`. */
function resolved(given: unknown, root: JsonSchema): unknown {
  let schema = given;
  for (let step = 0; step < 8 && isSchema(schema); step++) {
    const { $ref: ref, anyOf, oneOf, type } = schema;
    if (typeof ref === 'string' && ref.startsWith('#/')) {
      schema = ref
        .slice(2)
        .split('/')
        .reduce<unknown>(
          (part, key) => (isSchema(part) ? part[key.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
          root,
        );
      continue;
    }
    const others = [anyOf ?? oneOf].flat().filter((each) => isSchema(each) && each['type'] !== 'null');
    if (Array.isArray(anyOf ?? oneOf) && others.length === 1 && isSchema(others[0])) {
      const { anyOf: _any, oneOf: _one, ...rest } = schema;
      schema = { ...rest, ...others[0] };
      continue;
    }
    if (Array.isArray(type)) {
      const kinds = type.filter((each) => each !== 'null');
      return kinds.length === 1 ? { ...schema, type: kinds[0] } : { ...schema, type: undefined };
    }
    return schema;
  }
  return schema;
}

function choicesOf({ enum: values, const: only, anyOf, oneOf }: Schema): readonly unknown[] | undefined {
  if (Array.isArray(values)) return values;
  if (only !== undefined) return [only];
  const alternatives = anyOf ?? oneOf;
  if (!Array.isArray(alternatives) || alternatives.length === 0) return undefined;
  const isConst = (each: unknown) => isSchema(each) && 'const' in each;
  return alternatives.every(isConst) ? alternatives.map((each) => (each as Schema)['const']) : undefined;
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

function textField(schema: Schema, place: Place): Field {
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

function numberField(schema: Schema, place: Place): Field {
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

function choiceField(choices: readonly unknown[], schema: Schema, place: Place): Field {
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

function jsonField(schema: Schema, place: Place): Field {
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

/** Members that are left out do not appear; an optional object of which nothing is given is left out itself. */
function objectField(schema: Schema, properties: Schema, place: Place): Field {
  const needed = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const members = Object.entries(properties).map(([name, member]) => ({
    name,
    field: fieldOf(member, {
      label: name,
      required: needed.has(name),
      demanded: place.demanded && needed.has(name),
      id: `${place.id}-${name}`,
      root: place.root,
      depth: place.depth + 1,
    }),
  }));
  const isBlank = () => members.every(({ field }) => field.isBlank());
  const elements = members.map(({ field }) => field.element);
  const nothing = members.length === 0 && h('p', { class: 'hint' }, 'It takes no input.');
  return {
    element:
      place.label === ''
        ? h('div', { class: 'fields' }, elements, nothing)
        : h('fieldset', {}, h('legend', {}, place.label), elements),
    read: () => {
      if (!place.required && isBlank()) return undefined;
      const entries = members.map(({ name, field }) => [name, field.read()] as const);
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    },
    fill: (value) => {
      for (const { name, field } of members) field.fill(isSchema(value) ? value[name] : undefined);
    },
    isBlank,
  };
}

function listField(items: Schema, place: Place): Field {
  let made = 0;
  let rows: { readonly field: Field; readonly element: HTMLElement }[] = [];
  const list = h('div', { class: 'list' });
  const add = (value?: unknown) => {
    const at = ++made;
    const field = fieldOf(items, {
      label: `${place.label || 'item'} ${at}`,
      required: true,
      demanded: true,
      id: `${place.id}-${at}`,
      root: place.root,
      depth: place.depth + 1,
    });
    if (value !== undefined) field.fill(value);
    const remove = () => {
      rows = rows.filter((row) => row.field !== field);
      element.remove();
    };
    const element = h(
      'div',
      { class: 'row' },
      field.element,
      h(
        'button',
        { type: 'button', class: 'quiet', 'aria-label': `Remove ${place.label} ${at}`, onclick: remove },
        '×',
      ),
    );
    rows.push({ field, element });
    list.append(element);
    return element;
  };
  const more = () => {
    const control = add().querySelector('input, textarea, select');
    if (control instanceof HTMLElement) control.focus();
  };
  return {
    element: h(
      'fieldset',
      {},
      h('legend', {}, place.label || 'items'),
      list,
      h('button', { type: 'button', class: 'quiet', onclick: more }, '+ Add'),
    ),
    read: () => (rows.length === 0 && !place.required ? undefined : rows.map(({ field }) => field.read())),
    fill: (value) => {
      list.replaceChildren();
      rows = [];
      for (const item of Array.isArray(value) ? value : []) add(item);
    },
    isBlank: () => rows.length === 0,
  };
}
