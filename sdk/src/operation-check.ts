/**
 * What makes an operation impossible to register, found when it is defined or loaded. `docs/spec/registry.md` 2.
 *
 * @module
 */

import { accessFault } from './access.ts';
import { isImportedName, isOperationName } from './names.ts';
import type { AnyOperation } from './operation.ts';

/** The operation and its member are named in the message. */
export class OperationFault extends Error {
  override readonly name = 'OperationFault';
  readonly operation: string;

  constructor(operation: string, fault: string) {
    super(`operation ${operation}: ${fault}`);
    this.operation = operation;
  }
}

const members = new Set([
  'name',
  'type',
  'visibility',
  'access',
  'input',
  'output',
  'errors',
  'title',
  'description',
  'destructive',
  'idempotent',
  'openWorld',
  'timeoutMs',
  'handler',
]);

const declaredCode = /^[A-Z][A-Z0-9_]{0,63}$/;
const protocolCodes = new Set([
  'NOT_FOUND',
  'FORBIDDEN',
  'INVALID_INPUT',
  'INVALID_OPERATION_TYPE',
  'INTERNAL',
  'TIMEOUT',
  'ABORTED',
]);

/** @throws OperationFault */
export function checkOperation(
  operation: unknown,
  origin: 'own' | 'imported' = 'own',
): asserts operation is AnyOperation {
  if (typeof operation !== 'object' || operation === null) {
    throw new OperationFault(
      '(unnamed)',
      `expected an object, found ${operation === null ? 'null' : typeof operation}`,
    );
  }
  const candidate = operation as Record<string, unknown>;
  const name = typeof candidate['name'] === 'string' ? candidate['name'] : '(unnamed)';
  const fault = operationFault(candidate, origin);
  if (fault !== undefined) throw new OperationFault(name, fault);
}

function operationFault(operation: Record<string, unknown>, origin: 'own' | 'imported'): string | undefined {
  const unknown = Object.keys(operation).find((key) => !members.has(key));
  if (unknown !== undefined) return `unknown member ${unknown}`;
  const { name, type, visibility, access, input, output, handler } = operation;
  if (typeof name !== 'string' || !(origin === 'own' ? isOperationName(name) : isImportedName(name))) {
    return 'name: expected 2 to 6 segments such as "clock/now", each beginning with a lower-case letter';
  }
  if (type !== 'query' && type !== 'mutation' && type !== 'subscription') {
    return `type: expected query, mutation or subscription, found ${String(type)}`;
  }
  if (visibility !== undefined && visibility !== 'external' && visibility !== 'internal') {
    return `visibility: expected external or internal, found ${String(visibility)}`;
  }
  if (access === undefined) return 'access: missing, and there is no default; "public" admits anyone';
  const rule = accessFault(access);
  if (rule !== undefined) return rule;
  if (typeof input !== 'object' || input === null) return 'input: expected a schema';
  if (typeof output !== 'object' || output === null) return 'output: expected a schema';
  return (
    textFault(operation) ??
    hintFault(operation) ??
    errorsFault(operation['errors']) ??
    handlerFault(type, handler)
  );
}

function textFault({ title, description }: Record<string, unknown>): string | undefined {
  if (title !== undefined && (typeof title !== 'string' || title.length > 100))
    return 'title: expected at most 100 characters';
  if (description !== undefined && (typeof description !== 'string' || description.length > 2000)) {
    return 'description: expected at most 2000 characters';
  }
  return undefined;
}

function hintFault(operation: Record<string, unknown>): string | undefined {
  for (const hint of ['destructive', 'idempotent', 'openWorld']) {
    if (operation[hint] !== undefined && typeof operation[hint] !== 'boolean')
      return `${hint}: expected true or false`;
  }
  if (operation['destructive'] === true && operation['type'] === 'query')
    return 'destructive: a query only reads';
  const { timeoutMs } = operation;
  if (timeoutMs === undefined) return undefined;
  if (operation['type'] === 'subscription') return 'timeoutMs: subscriptions have no deadline of their own';
  const valid = typeof timeoutMs === 'number' && Number.isInteger(timeoutMs) && timeoutMs >= 1;
  return valid ? undefined : 'timeoutMs: expected a whole number of milliseconds';
}

function errorsFault(errors: unknown): string | undefined {
  if (errors === undefined) return undefined;
  if (!Array.isArray(errors)) return 'errors: expected a list';
  for (const error of errors) {
    const { code, httpStatus } = error as Record<string, unknown>;
    if (typeof code !== 'string' || !declaredCode.test(code))
      return `errors: code ${String(code)} is not ${declaredCode.source}`;
    if (protocolCodes.has(code)) return `errors: ${code} belongs to the call protocol`;
    if (httpStatus === undefined) continue;
    const valid =
      typeof httpStatus === 'number' &&
      Number.isInteger(httpStatus) &&
      httpStatus >= 400 &&
      httpStatus <= 599;
    if (!valid) return `errors: httpStatus of ${code} is not 400 to 599`;
  }
  return undefined;
}

const GeneratorFunction = Object.getPrototypeOf(function* () {}).constructor;
const AsyncGeneratorFunction = Object.getPrototypeOf(async function* () {}).constructor;

function handlerFault(type: unknown, handler: unknown): string | undefined {
  if (typeof handler !== 'function') return `handler: expected a function, found ${typeof handler}`;
  const generates = handler instanceof AsyncGeneratorFunction || handler instanceof GeneratorFunction;
  if (type !== 'subscription' && generates)
    return `handler: a ${String(type)} answers once; found a generator`;
  if (type === 'subscription' && !(handler instanceof AsyncGeneratorFunction)) {
    return 'handler: a subscription is an async generator (async function*); found another function';
  }
  return undefined;
}
