/**
 * The tools that `@modelcontextprotocol/conformance` calls, as operations: `test/simple/text` is the tool
 * `test_simple_text`. Text of a plugin, for a node to load.
 */

export const conformancePlugin = `
import { defineOperation, definePlugin, Type } from '@alknet/sdk';

const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const wav = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const block = (type, members) => Type.Object({ type: Type.Literal(type), ...members });
const blocks = Type.Array(Type.Union([
  block('text', { text: Type.String() }),
  block('image', { data: Type.String(), mimeType: Type.String() }),
  block('audio', { data: Type.String(), mimeType: Type.String() }),
  block('resource', { resource: Type.Object({ uri: Type.String(), mimeType: Type.String(), text: Type.String() }) }),
]));
const gives = (name, content) => defineOperation({
  name, type: 'query', access: 'public', input: Type.Object({}), output: blocks, handler: () => content,
});
const resource = (uri, mimeType, text) => ({ type: 'resource', resource: { uri, mimeType, text } });

export default definePlugin({
  name: 'test',
  version: '1.0.0',
  requests: { namespaces: ['json'] },
  operations: [
    gives('test/simple/text', [{ type: 'text', text: 'This is a simple text response for testing.' }]),
    gives('test/image/content', [{ type: 'image', data: png, mimeType: 'image/png' }]),
    gives('test/audio/content', [{ type: 'audio', data: wav, mimeType: 'audio/wav' }]),
    gives('test/embedded/resource', [
      resource('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
    ]),
    gives('test/multiple/content/types', [
      { type: 'text', text: 'Multiple content types test:' },
      { type: 'image', data: png, mimeType: 'image/png' },
      resource('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
    ]),
    gives('test/reconnection', [{ type: 'text', text: 'The stream stayed open.' }]),
    defineOperation({
      name: 'test/error/handling', type: 'query', access: 'public', input: Type.Object({}), output: blocks,
      handler: () => { throw new Error('This tool intentionally returns an error for testing'); },
    }),
    defineOperation({
      name: 'test/tool/with/progress', type: 'subscription', access: 'public',
      input: Type.Object({}), output: Type.Integer(),
      async *handler() { yield 0; yield 50; yield 100; },
    }),
  ],
  start: (host) => {
    // Names of a plugin's own operations have no digit at the start of a segment; imported ones may.
    host.operations.publish('json', 'jsonschema', [{
      source: 'conformance suite',
      operation: {
        name: 'json/schema_2020_12_tool', type: 'query', access: 'public', visibility: 'external',
        description: 'Tool with JSON Schema 2020-12 features',
        input: {
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          type: 'object',
          $defs: { address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } } },
          properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
          additionalProperties: false,
        },
        output: { type: 'object' },
      },
      handler: (input) => input,
    }]);
    return {};
  },
});
`;
