/** A form for a value that a JSON Schema describes; what no form fits is written as JSON. */

import { h } from './dom.ts';
import { choiceField, type Field, jsonField, numberField, type Place, textField } from './form-fields.ts';
import type { JsonSchema } from './operation-list.ts';
import { choicesOf, isSchema, resolved, type Schema } from './schema-reading.ts';

const deepest = 4;

export function formOf(schema: JsonSchema, id: string): Field {
  return fieldOf(schema, { label: '', required: true, demanded: true, id, root: schema, depth: 0 });
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
