/**
 * The client's half of the library of MCP, loaded when the first adapter of the kind imports.
 *
 * @module
 */

export async function loadClientSdk() {
  const [client, streamable, types] = await Promise.all([
    import('@modelcontextprotocol/sdk/client/index.js'),
    import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
    import('@modelcontextprotocol/sdk/types.js'),
  ]);
  return {
    Client: client.Client,
    StreamableHTTPClientTransport: streamable.StreamableHTTPClientTransport,
    StreamableHTTPError: streamable.StreamableHTTPError,
    ErrorCode: types.ErrorCode,
    McpError: types.McpError,
    ResultSchema: types.ResultSchema,
    ToolListChangedNotificationSchema: types.ToolListChangedNotificationSchema,
  };
}

export type ClientSdk = Awaited<ReturnType<typeof loadClientSdk>>;
