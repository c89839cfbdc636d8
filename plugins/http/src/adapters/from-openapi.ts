/**
 * `fromOpenAPI`: the operations of an OpenAPI document as leaves of the registry. `docs/spec/http.md` 17 and 18.
 *
 * @example
 * const adapter = fromOpenAPI({ namespace: 'pets', source: 'https://api.example/openapi.json' });
 * const registrations = await adapter.import();
 *
 * @module
 */

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

/** @throws AdapterError `AdapterConfig` for options that can never import anything */
export function fromOpenAPI(given: FromOpenApiOptions): OpenApiAdapter {
  checkCommon(given);
  const { namespace } = given;
  const source = parseSource(given.source, namespace);
  if (given.baseUrl !== undefined) parseBaseUrl(given.baseUrl, namespace);
  const options = { ...given, client: given.client ?? new HttpClient({ connections: 64 }) };
  let known: Validators = {};

  const read = async (validators: Validators, signal: AbortSignal) => {
    if (source.kind === 'value') return { value: source.value, validators: {} };
    if (source.kind === 'url') {
      const fetched = await fetchText(source.url, validators, options.client, namespace, signal);
      return fetched && { value: readDocument(fetched.text, namespace), validators: fetched.validators };
    }
    const text = source.kind === 'text' ? source.text : await readFileText(source.path, namespace);
    return { value: readDocument(text, namespace), validators: {} };
  };
  const importWith = async (validators: Validators, signal = new AbortController().signal) => {
    const document = await read(validators, signal);
    if (document === undefined) return undefined;
    const made = await registrations(document.value, source, options, signal);
    known = document.validators;
    return made;
  };
  return {
    kind: 'openapi',
    source,
    import: async (signal) => (await importWith({}, signal)) ?? [],
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
