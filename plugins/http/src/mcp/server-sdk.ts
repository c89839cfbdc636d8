/**
 * The library of MCP, loaded when the first client comes: a node without one does not pay for it.
 *
 * @module
 */

export async function loadServerSdk() {
  const [{ Server }, { WebStandardStreamableHTTPServerTransport }, types] = await Promise.all([
    import('@modelcontextprotocol/sdk/server/index.js'),
    import('@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'),
    import('@modelcontextprotocol/sdk/types.js'),
  ]);
  const { CallToolRequestSchema, CancelledNotificationSchema, ListToolsRequestSchema, ErrorCode, McpError } =
    types;
  return {
    Server,
    WebStandardStreamableHTTPServerTransport,
    CallToolRequestSchema,
    CancelledNotificationSchema,
    ListToolsRequestSchema,
    ErrorCode,
    McpError,
  };
}

export type ServerSdk = Awaited<ReturnType<typeof loadServerSdk>>;
