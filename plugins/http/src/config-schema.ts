/**
 * What stands at `plugins.http.config`: every key with its default, in one place. `docs/spec/http.md` 17.2 and 23.
 *
 * @module
 */

import { Duration, Size, type Static, secretKeyword, type TSchema, Type } from '@alknet/sdk';

const closed = { additionalProperties: false };

function flag(description: string, value: boolean) {
  return Type.Boolean({ description, default: value });
}

function duration(description: string, value?: number) {
  return Duration({ maximum: 86_400 * 365, description, ...(value === undefined ? {} : { default: value }) });
}

function size(description: string, value?: number) {
  return Size({ maximum: 2 ** 40, description, ...(value === undefined ? {} : { default: value }) });
}

function count(description: string, minimum: number, maximum: number, value: number) {
  return Type.Integer({ minimum, maximum, description, default: value });
}

/** A section whose absence is the section with its defaults. */
function section<const Members extends Record<string, TSchema>>(description: string, members: Members) {
  return Type.Object(members, { ...closed, description, default: {} });
}

const words = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { maxItems: 1000 });
const url = Type.String({ minLength: 1, maxLength: 4096 });

const auth = Type.Object(
  {
    kind: Type.Union([
      Type.Literal('none'),
      Type.Literal('bearer'),
      Type.Literal('apiKey'),
      Type.Literal('basic'),
    ]),
    secret: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' })),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    in: Type.Optional(Type.Union([Type.Literal('header'), Type.Literal('query')])),
    optional: Type.Optional(Type.Boolean()),
  },
  {
    ...closed,
    description: 'Credential of each request; `secret` names a stored secret.',
    [secretKeyword]: true,
  },
);

/** Members of every kind of adapter; the defaults are those of the adapters themselves. */
const adapterMembers = {
  namespace: Type.String({
    pattern: '^[a-z][a-zA-Z0-9-]{0,63}$',
    description: 'First segment of every name.',
  }),
  auth: Type.Optional(auth),
  headers: Type.Optional(Type.Record(Type.String(), Type.String())),
  visibility: Type.Optional(Type.Union([Type.Literal('internal'), Type.Literal('external')])),
  scopes: Type.Optional(words),
  timeout: Type.Optional(duration('Limit of one request, besides the deadline of the call.')),
  retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 })),
  maxResponse: Type.Optional(size('Most bytes of one response.')),
};

const openapiAdapter = Type.Object(
  {
    kind: Type.Literal('openapi'),
    ...adapterMembers,
    source: Type.Union([url, Type.Object({}, { additionalProperties: true })], {
      description: 'File path, URL, or the document itself.',
    }),
    baseUrl: Type.Optional(url),
    include: Type.Optional(words),
    exclude: Type.Optional(words),
    refresh: Type.Optional(duration('Between looks for a change; 0: never.')),
  },
  closed,
);

const jsonSchemaAdapter = Type.Object(
  {
    kind: Type.Literal('jsonschema'),
    ...adapterMembers,
    baseUrl: url,
    operation: Type.Record(Type.String(), Type.Unknown()),
    method: Type.String({ pattern: '^[A-Z]{1,16}$' }),
    path: Type.String({ minLength: 1, maxLength: 4096 }),
  },
  closed,
);

/** Further members are let through, so that the adapter can say why a stdio server is none of its own. */
const mcpAdapter = Type.Object(
  {
    kind: Type.Literal('mcp'),
    ...adapterMembers,
    endpoint: Type.Optional(url),
    include: Type.Optional(words),
    exclude: Type.Optional(words),
    refresh: Type.Optional(duration('Between looks for a change; 0: never.')),
  },
  { additionalProperties: true },
);

const decoy = Type.Union(
  [
    Type.Object({ kind: Type.Literal('notFound') }, closed),
    Type.Object(
      {
        kind: Type.Literal('static'),
        root: Type.String({ pattern: '^/', maxLength: 4096, description: 'Absolute path.' }),
      },
      closed,
    ),
    Type.Object({ kind: Type.Literal('redirect'), to: Type.String({ pattern: '^[!-~]{1,2048}$' }) }, closed),
  ],
  { description: 'What answers everything that nothing else takes.', default: { kind: 'notFound' } },
);

export const configSchema = Type.Object(
  {
    gateway: flag('`/search`, `/schema`, `/call`, `/batch`, `/subscribe`.', true),
    direct: flag('Each external operation at its own path, and `/openapi.json`.', true),
    websocket: flag('Call sessions at `/alknet/call`.', true),
    wellKnown: flag('`/.well-known/alknet`.', true),
    page: flag('The page of an operator at `/`; never under stealth.', false),
    mcp: Type.Union(
      [
        Type.Boolean(),
        Type.Object({ maxTools: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })) }, closed),
      ],
      { description: 'The MCP server at `/mcp` and `/mcp/gateway`.', default: true },
    ),
    metrics: flag('`/metrics`, for the scope `host:metrics`.', false),
    stealth: Type.Union([Type.Literal('off'), Type.Literal('strict')], {
      description: '`strict`: whoever shows no valid token sees only the decoy.',
      default: 'off',
    }),
    decoy,
    allowedOrigins: Type.Array(Type.String({ pattern: String.raw`^(\*|null|https?://[^/\s]{1,255})$` }), {
      maxItems: 1000,
      description: 'Origins whose pages may read answers: `https://app.example`, `null`, or `*`.',
      default: [],
    }),
    sse: section('Server-sent events.', {
      heartbeat: duration('A comment line after this long without a value.', 15),
    }),
    limits: section('What one client may take.', {
      body: size('Most bytes of a request body.', 2 * 1024 * 1024),
      batch: count('Most calls of one `/batch`.', 1, 10_000, 100),
      headerTimeout: duration("From a request's first byte to the end of its header.", 10),
      bodyTimeout: duration('For a body that is not streamed.', 30),
      answerTimeout: duration('For a client to take 64 KiB of an answer, or what is left of it.', 60),
      keepAlive: duration('Idle connections are closed after this long.', 60),
      header: size('Most bytes of request line and header fields.', 16 * 1024),
      concurrent: count('Requests in progress on one connection.', 1, 10_000, 100),
      wsBuffered: size('Most bytes that may wait to be sent on a WebSocket.', 64 * 1024 * 1024),
    }),
    client: section('The client that all adapters share.', {
      connections: count('Connections to one origin.', 1, 10_000, 64),
      ca: Type.Optional(Type.String({ description: 'PEM bundle, trusted besides the system roots.' })),
      cert: Type.Optional(Type.String({ description: 'PEM file of a client certificate.' })),
      key: Type.Optional(Type.String({ description: 'PEM file of its key.' })),
      proxy: Type.Optional(url),
    }),
    h3: section('HTTP/3.', {
      enabled: flag('Whether `h3` is offered where the node can.', true),
      altSvc: flag('Whether answers tell browsers of it.', false),
    }),
    webtransport: section('WebTransport sessions.', {
      alpns: Type.Optional(words),
    }),
    adapters: Type.Array(Type.Union([openapiAdapter, jsonSchemaAdapter, mcpAdapter]), {
      maxItems: 1000,
      description: 'Operations made from OpenAPI documents, single endpoints and MCP servers.',
      default: [],
    }),
  },
  closed,
);

/** As it is written, defaults filled. */
export type WrittenConfig = Static<typeof configSchema>;
export type OpenApiAdapterConfig = Static<typeof openapiAdapter>;
export type JsonSchemaAdapterConfig = Static<typeof jsonSchemaAdapter>;
export type McpAdapterConfig = Static<typeof mcpAdapter>;
export type AdapterConfig = OpenApiAdapterConfig | JsonSchemaAdapterConfig | McpAdapterConfig;
