/**
 * One operation, ready to run: its schemas compiled, and the words in which its failures may leave the node.
 * `docs/spec/registry.md` 6, `docs/spec/call.md` 12.
 *
 * @module
 */

import type { OperationContext } from './context.ts';
import { CallError } from './errors.ts';
import type { AnyOperation, OperationSpec } from './operation.ts';
import { OperationFault } from './operation-check.ts';
import {
  type Check,
  type Codec,
  checkSchema,
  codecOf,
  compileSchema,
  type Issue,
  invalidInput,
  SchemaFault,
  withoutPatterns,
} from './schema.ts';

export interface CompiledOperation {
  readonly operation: AnyOperation;
  readonly input: { readonly check: Check; readonly codec: Codec | undefined };
  readonly output: { readonly check: Check; readonly codec: Codec | undefined };
  /** Declared codes, with the check of their details. */
  readonly errors: ReadonlyMap<string, Check | undefined>;
}

/**
 * An imported operation, whose schemas are checked now and compiled when they are first used: of thousands, few ever
 * are. One that ajv cannot compile then lets everything pass, since the remote checks it itself.
 * @throws OperationFault naming the member that is no schema.
 */
export function compileImported(operation: AnyOperation): CompiledOperation {
  for (const [member, schema] of [
    ['input', operation.input],
    ['output', operation.output],
    ...(operation.errors ?? []).map(({ code, schema }) => [`errors.${code}`, schema] as const),
  ] as const) {
    try {
      if (schema !== undefined) checkSchema(schema);
    } catch (error) {
      if (error instanceof SchemaFault)
        throw new OperationFault(operation.name, `${member}: ${error.message}`);
      throw error;
    }
  }
  let compiled: CompiledOperation | undefined;
  const once = () => {
    compiled ??= compileOrPass(operation);
    return compiled;
  };
  return {
    operation,
    get input() {
      return once().input;
    },
    get output() {
      return once().output;
    },
    get errors() {
      return once().errors;
    },
  };
}

function compileOrPass(operation: AnyOperation): CompiledOperation {
  try {
    return compileOperation(operation, 'imported');
  } catch (error) {
    if (!(error instanceof OperationFault)) throw error;
    const anything = { check: () => undefined, codec: undefined };
    const errors = (operation.errors ?? []).map(({ code }) => [code, undefined] as const);
    return { operation, input: anything, output: anything, errors: new Map(errors) };
  }
}

/** @throws OperationFault naming the member whose schema cannot be used. */
export function compileOperation(
  operation: AnyOperation,
  origin: 'own' | 'imported' = 'own',
): CompiledOperation {
  // What a handler gives stays as it gave it: defaults are for inputs.
  const compile = (member: string, schema: OperationSpec['input'], defaults: 'fill' | 'leave' = 'leave') => {
    try {
      return compileSchema(schema, origin, defaults);
    } catch (error) {
      if (error instanceof SchemaFault)
        throw new OperationFault(operation.name, `${member}: ${error.message}`);
      throw error;
    }
  };
  const codec = (schema: OperationSpec['input']) =>
    codecOf(origin === 'own' ? schema : withoutPatterns(schema));
  return {
    operation,
    input: { check: compile('input', operation.input, 'fill'), codec: codec(operation.input) },
    output: { check: compile('output', operation.output), codec: codec(operation.output) },
    errors: new Map(
      (operation.errors ?? []).map(({ code, schema }) => [
        code,
        schema === undefined ? undefined : compile(`errors.${code}`, schema),
      ]),
    ),
  };
}

/**
 * The input as the handler gets it: defaults filled, bytes decoded. `input` must be the callee's own copy.
 * @throws CallError `INVALID_INPUT`
 */
export function acceptInput({ input: { check, codec } }: CompiledOperation, input: unknown): unknown {
  const value = codec === undefined ? input : codec.encode(input);
  const issues = check(value);
  if (issues !== undefined) throw invalidInput(issues);
  return codec === undefined ? value : codec.decode(value);
}

/** The output in its JSON form, and what is wrong with it. */
export function checkOutput(
  { output: { check, codec } }: CompiledOperation,
  output: unknown,
): { readonly value: unknown; readonly issues: readonly Issue[] | undefined } {
  const value = output === undefined ? null : codec === undefined ? output : codec.encode(output);
  return { value, issues: check(value) };
}

/** Calls the handler. What it throws synchronously is a rejection as well. */
export function startHandler(
  { operation }: CompiledOperation,
  input: unknown,
  context: OperationContext,
): unknown {
  // The input fits the schema, from which the handler's type was made.
  return operation.handler(input as never, context);
}

/** Makes the random text by which the log line is found, and writes that line. */
export type FailureReport = (thrown: unknown) => string;

/**
 * What of a thrown error may leave the node: a declared code with details that fit, or a check of the handler's own; all
 * else is `INTERNAL` with a `ref` that the log has. `composed` tells whether the error came out of a composed call.
 */
export function toSendable(
  { errors }: CompiledOperation,
  thrown: unknown,
  composed: boolean,
  report: FailureReport,
): CallError {
  if (!(thrown instanceof CallError))
    return new CallError('INTERNAL', 'internal error', { details: { ref: report(thrown) } });
  const { code, details } = thrown;
  if (errors.has(code)) {
    const check = errors.get(code);
    if (check === undefined || check(details ?? null) === undefined) return thrown;
    return new CallError('INTERNAL', 'internal error', { details: { ref: report(thrown) } });
  }
  if (composed && code === 'TIMEOUT') return thrown;
  if (!composed && (code === 'NOT_FOUND' || code === 'FORBIDDEN' || code === 'INVALID_INPUT')) {
    return new CallError(code, thrown.message, { details, retryable: false });
  }
  return new CallError('INTERNAL', 'internal error', { details: { ref: report(thrown), code } });
}
