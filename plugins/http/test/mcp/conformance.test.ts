/** The MCP conformance suite, as it is published, against a real node. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { conformancePlugin } from './conformance-plugin.ts';
import { mcpNode } from './mcp-node.ts';

/** Scenarios of the suite that do not apply, by the reason. */
const notOffered: Readonly<Record<string, readonly string[]>> = {
  'a node offers tools only, no resources': [
    'resources-list',
    'resources-read-text',
    'resources-read-binary',
    'resources-templates-read',
    'resources-subscribe',
    'resources-unsubscribe',
  ],
  'a node offers tools only, no prompts': [
    'prompts-list',
    'prompts-get-simple',
    'prompts-get-with-args',
    'prompts-get-embedded-resource',
    'prompts-get-with-image',
    'completion-complete',
  ],
  'an operation asks nothing of the model or the user behind its caller': [
    'tools-call-sampling',
    'tools-call-elicitation',
    'elicitation-sep1034-defaults',
    'elicitation-sep1330-enums',
  ],
  "an operation's log is the operator's, and never goes to its caller": [
    'logging-set-level',
    'tools-call-with-logging',
  ],
  'a call ends with its client, so its stream cannot be resumed': ['server-sse-polling'],
};

/**
 * These need a tool of the suite, which at `/mcp/gateway` is behind the tool `call`. (`tools-call-simple-text` takes the
 * text of an error for an answer.)
 */
const behindTheGateway = [
  'tools-call-image',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-mixed-content',
  'tools-call-with-progress',
  'json-schema-2020-12',
];

const scenarios = 32;

for (const [path, expected] of [
  ['/mcp', Object.values(notOffered).flat()],
  ['/mcp/gateway', [...Object.values(notOffered).flat(), ...behindTheGateway]],
] as const) {
  test(`HTTP-125 every applicable scenario of the MCP conformance suite passes at ${path}`, async (t) => {
    const node = await mcpNode(t, { plugins: { test: conformancePlugin }, grant: { namespaces: ['json'] } });
    // The suite presents the origin of a server without TLS, which is none of the node's own.
    await node.configure({ allowedOrigins: [node.origin.replace('https:', 'http:')] });
    const { code, output } = await runSuite(t, `${node.origin}${path}`, expected);
    assert.equal(code, 0, output);
    const ran = output.match(/^[✓✗] .*: \d+ passed, \d+ failed$/gm) ?? [];
    assert.equal(ran.length, scenarios, output);
  });
}

/** Of the suite's scenarios of clients, those of OAuth and elicitation do not apply, and `sse-retry` measures time. */
for (const scenario of ['initialize', 'tools_call']) {
  test(`the scenario ${scenario} of the MCP conformance suite passes for the client of fromMCP`, async (t) => {
    const client = fileURLToPath(new URL('./conformance-client.ts', import.meta.url));
    const command = `${process.execPath} --conditions=alknet:source --import tsx ${client}`;
    const { code, output } = await suite(
      t,
      ['client', '--command', command, '--scenario', scenario, '--timeout', '120000'],
      {
        cwd: root,
      },
    );
    assert.equal(code, 0, output);
    assert.match(output, /Passed: 1\/1, 0 failed, 0 warnings/);
  });
}

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** The suite fails on a scenario that fails and is not expected to, and on one that is expected to and passes. */
async function runSuite(t: TestContext, url: string, expected: readonly string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'alknet-mcp-conformance-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const baseline = join(directory, 'expected.yaml');
  await writeFile(baseline, JSON.stringify({ server: expected }));
  return suite(t, ['server', '--url', url, '--suite', 'all', '--expected-failures', baseline], {
    cwd: directory,
    // The node's certificate is its own; the suite has no other way to be told to take it.
    env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' },
  });
}

async function suite(
  t: TestContext,
  args: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
) {
  const script = fileURLToPath(import.meta.resolve('@modelcontextprotocol/conformance/dist/index.js'));
  const child = spawn(process.execPath, [script, ...args], {
    cwd,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output: stripVTControlCharacters(output) };
}
