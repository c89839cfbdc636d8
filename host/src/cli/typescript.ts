/**
 * JSON Schema as TypeScript types, as far as operations use it. Pure.
 *
 * @module
 */

type Schema = Readonly<Record<string, unknown>>;

export function toTypeScript(spec: {
  readonly name: string;
  readonly op_type: string;
  readonly input_schema: unknown;
  readonly output_schema: unknown;
}): string {
  const name = spec.name.replace(/(?:^|[^A-Za-z0-9])([A-Za-z0-9])/g, (_, letter: string) =>
    letter.toUpperCase(),
  );
  return `/** ${spec.op_type} ${spec.name} */\nexport type ${name}Input = ${typeOf(spec.input_schema, '')};\nexport type ${name}Output = ${typeOf(spec.output_schema, '')};\n`;
}

function typeOf(value: unknown, indent: string): string {
  if (typeof value !== 'object' || value === null) return 'unknown';
  const schema = value as Schema;
  if ('const' in schema) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map((item) => JSON.stringify(item)).join(' | ');
  for (const [keyword, joiner] of [
    ['anyOf', ' | '],
    ['oneOf', ' | '],
    ['allOf', ' & '],
  ] as const) {
    const parts = schema[keyword];
    if (Array.isArray(parts)) return parts.map((part) => typeOf(part, indent)).join(joiner);
  }
  if (Array.isArray(schema['type']))
    return schema['type'].map((type) => typeOf({ ...schema, type }, indent)).join(' | ');
  switch (schema['type']) {
    case 'string':
      return 'string';
    case 'number':
    case 'integer':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'null':
      return 'null';
    case 'array':
      return Array.isArray(schema['items'])
        ? `[${schema['items'].map((item) => typeOf(item, indent)).join(', ')}]`
        : `Array<${typeOf(schema['items'], indent)}>`;
    case 'object':
      return objectType(schema, indent);
    default:
      return 'unknown';
  }
}

function objectType(schema: Schema, indent: string): string {
  const inner = `${indent}  `;
  const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
  const members = Object.entries((schema['properties'] ?? {}) as Record<string, unknown>).map(
    ([key, member]) => {
      const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
      return `${inner}${name}${required.has(key) ? '' : '?'}: ${typeOf(member, inner)};`;
    },
  );
  if (members.length > 0) return `{\n${members.join('\n')}\n${indent}}`;
  const [pattern] = Object.values((schema['patternProperties'] ?? {}) as Record<string, unknown>);
  const rest = pattern ?? schema['additionalProperties'];
  if (typeof rest === 'object' && rest !== null) return `Record<string, ${typeOf(rest, indent)}>`;
  return 'Record<string, unknown>';
}
