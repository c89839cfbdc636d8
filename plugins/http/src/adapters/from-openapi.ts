/**
 * `fromOpenAPI`: the operations of an OpenAPI document as leaves of the registry. `docs/spec/http.md` 17 and 18.
 *
 * @example
 * const adapter = fromOpenAPI({ namespace: 'pets', source: 'https://api.example/openapi.json' });
 * const registrations = await adapter.import();
 *
 * @module
 */

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { AdapterRegistration } from '@alknet/sdk';
import { type Adapter, type CommonOptions, checkCommon, exposure, remoteOf, secretsOf } from './adapter.ts';
import { HttpClient } from './client.ts';
import { type DocumentOperation, readOperations } from './document/operations.ts';
import { checkRoot, readDocument } from './document/read.ts';
import {
  type DocumentSource,
  fetchText,
  parseSource,
  readFileText,
  sourceName,
  type Validators,
} from './document/source.ts';
import { forwardingHandler } from './forward.ts';
import { chooser } from './glob.ts';
import { parseBaseUrl, serverOf } from './request/base-url.ts';

export interface FromOpenApiOptions extends CommonOptions {
  /** File path, URL, text of a document, or the document. */
  readonly source: unknown;
  readonly baseUrl?: string | undefined;
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

export interface OpenApiAdapter extends Adapter {
  readonly source: DocumentSource;
  /** `undefined` when the source says that nothing has changed since the last import. @throws AdapterError */
  importIfChanged(signal?: AbortSignal): Promise<AdapterRegistration[] | undefined>;
}

/** Milliseconds of work after which others may run. */
const turn = 12;

/** The document that was imported last. */
interface Known {
  readonly validators: Validators;
  /** Of its text; many servers say nothing by which a change could be told. */
  readonly digest: string | undefined;
}

const nothing: Known = { validators: {}, digest: undefined };

/** @throws AdapterError `AdapterConfig` for options that can never import anything */
export function fromOpenAPI(given: FromOpenApiOptions): OpenApiAdapter {
  checkCommon(given);
  const { namespace } = given;
  const source = parseSource(given.source, namespace);
  if (given.baseUrl !== undefined) parseBaseUrl(given.baseUrl, namespace);
  const options = { ...given, client: given.client ?? new HttpClient({ connections: 64 }) };
  let known: Known = nothing;

  /** `undefined`: it is the document that `than` tells of. */
  const read = async (than: Known, signal: AbortSignal) => {
    if (source.kind === 'value') return { value: source.value, known: nothing };
    const fetched =
      source.kind === 'url'
        ? await fetchText(source.url, than.validators, options.client, namespace, signal)
        : {
            text: source.kind === 'text' ? source.text : await readFileText(source.path, namespace),
            validators: {},
          };
    if (fetched === undefined) return undefined;
    const digest = createHash('sha256').update(fetched.text).digest('base64');
    if (digest === than.digest) return undefined;
    const { text, validators } = fetched;
    return { value: readDocument(text, namespace), known: { validators, digest } };
  };
  const importWith = async (than: Known, signal = new AbortController().signal) => {
    const document = await read(than, signal);
    if (document === undefined) return undefined;
    const made = await registrations(document.value, source, options, signal);
    known = document.known;
    return made;
  };
  return {
    kind: 'openapi',
    source,
    import: async (signal) => (await importWith(nothing, signal)) ?? [],
    importIfChanged: (signal) => importWith(known, signal),
  };
}

async function registrations(
  value: unknown,
  source: DocumentSource,
  options: FromOpenApiOptions,
  signal: AbortSignal,
): Promise<AdapterRegistration[]> {
  const { namespace, baseUrl, include, exclude } = options;
  const document = checkRoot(value, namespace);
  const from = source.kind === 'url' ? source.url : undefined;
  const base =
    baseUrl === undefined ? serverOf(document.root, namespace, from) : parseBaseUrl(baseUrl, namespace);
  const remote = remoteOf(options, base);
  const made: AdapterRegistration[] = [];
  let begun = performance.now();
  for (const operation of readOperations(document, namespace, chooser(include, exclude))) {
    made.push(registrationOf(operation, options, remote, sourceName(source)));
    if (performance.now() - begun < turn) continue;
    await setImmediate();
    signal.throwIfAborted();
    begun = performance.now();
  }
  return made;
}

function registrationOf(
  { name, request, errors, ...spec }: DocumentOperation,
  options: FromOpenApiOptions,
  remote: ReturnType<typeof remoteOf>,
  source: string,
): AdapterRegistration {
  const declared = new Map(errors.map(({ httpStatus = 0, code }) => [httpStatus, code]));
  return {
    operation: { ...spec, ...exposure(options), name: `${options.namespace}/${name}`, errors },
    handler: forwardingHandler(remote, spec.type, request, declared),
    source,
    capabilities: secretsOf(options),
  };
}
