/**
 * Operations check who calls and what they take, and give what they declare; a subscription ends with its caller.
 * `docs/spec/registry.md` 5, 6 and 8.4.
 *
 * @module
 */

import { CallError } from '../../errors.ts';
import type { AnyOperation } from '../../operation.ts';
import { fitting, unfitting } from '../../sample.ts';
import type { PluginUnderTest } from './driver.ts';
import {
  type Check,
  ConformanceFault,
  externalOperations,
  type Subject,
  until,
  within,
  withNode,
} from './subject.ts';

export function operationChecks(subject: Subject): Check[] {
  return (subject.plugin.operations ?? []).flatMap((operation) =>
    operation.visibility === 'internal'
      ? [{ title: `${operation.name} is not on the wire`, run: () => notOnTheWire(subject, operation) }]
      : [
          ...(operation.access === 'public'
            ? []
            : [
                {
                  title: `${operation.name} refuses nobody in particular`,
                  run: () => refusesAnyone(subject, operation),
                },
              ]),
          {
            title: `${operation.name} refuses input that does not fit`,
            run: () => refusesInput(subject, operation),
          },
          ...(operation.openWorld === true && !Object.hasOwn(subject.inputs, operation.name)
            ? []
            : [
                { title: `${operation.name} gives what it declares`, run: () => answers(subject, operation) },
              ]),
          ...(operation.type === 'subscription'
            ? [
                {
                  title: `${operation.name} ends with its caller`,
                  run: () => endsWithCaller(subject, operation),
                },
              ]
            : []),
        ],
  );
}

/** An input that the operation takes. @throws ConformanceFault */
export function inputOf({ inputs }: Subject, { name, input }: AnyOperation): unknown {
  if (Object.hasOwn(inputs, name)) return structuredClone(inputs[name]);
  const found = fitting(input);
  if (found !== undefined) return found.value;
  throw new ConformanceFault(
    `no input for ${name} can be made of its schema; give one: conformance(plugin, { inputs: { '${name}': … } })`,
  );
}

/** One answer, or the first value of a subscription if one comes soon. */
export async function use(subject: Subject, node: PluginUnderTest, operation: AnyOperation): Promise<void> {
  const input = inputOf(subject, operation);
  const { identity } = subject;
  if (operation.type !== 'subscription') {
    await within(subject, `${operation.name} did not answer`, node.call(operation.name, input, { identity }));
    return;
  }
  const stop = new AbortController();
  const values = node
    .subscribe(operation.name, input, { identity, signal: stop.signal })
    [Symbol.asyncIterator]();
  // A subscription that has nothing to say is as good as one that has.
  const soon = setTimeout(() => stop.abort(), subject.patience / 4);
  try {
    await values.next();
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    clearTimeout(soon);
    stop.abort();
    await values.return?.().catch(() => {});
  }
}

async function answers(subject: Subject, operation: AnyOperation): Promise<void> {
  await withNode(subject, async (node) => {
    try {
      await use(subject, node, operation);
    } catch (error) {
      if (error instanceof CallError && mayFailWith(operation, error.code)) return;
      const line = node.log?.findLast(({ level }) => level === 'error');
      const cause = line === undefined ? '' : `; the log says: ${line.event} ${describe(line.fields)}`;
      throw new ConformanceFault(`${operation.name} failed: ${String(error)}${cause}`, { cause: error });
    }
  });
}

function describe({ error, path }: Readonly<Record<string, unknown>>): string {
  return error instanceof Error
    ? (error.stack ?? error.message)
    : path === undefined
      ? ''
      : `at ${String(path) || '/'}`;
}

/** The handler's own checks may refuse what the schema takes: a name that nobody has, say. */
function mayFailWith({ errors = [] }: AnyOperation, code: string): boolean {
  return (
    ['NOT_FOUND', 'FORBIDDEN', 'INVALID_INPUT'].includes(code) || errors.some((error) => error.code === code)
  );
}

async function refusesInput(subject: Subject, operation: AnyOperation): Promise<void> {
  const wrong = unfitting(operation.input);
  if (wrong === undefined)
    throw new ConformanceFault(
      `the input schema of ${operation.name} takes everything; declare what the operation needs, Type.Object({}) if nothing`,
    );
  await withNode(subject, async (node) => {
    const code = await codeOf(node, operation, wrong.value, subject.identity);
    if (code !== 'INVALID_INPUT')
      throw new ConformanceFault(
        `${operation.name} with input ${JSON.stringify(wrong.value)}: expected INVALID_INPUT, found ${code}`,
      );
  });
}

async function refusesAnyone(subject: Subject, operation: AnyOperation): Promise<void> {
  const input = inputOf(subject, operation);
  await withNode(subject, async (node) => {
    const code = await codeOf(node, operation, input, null);
    if (code !== 'FORBIDDEN')
      throw new ConformanceFault(`${operation.name} without identity: expected FORBIDDEN, found ${code}`);
  });
}

async function notOnTheWire(subject: Subject, operation: AnyOperation): Promise<void> {
  await withNode(subject, async (node) => {
    const code = await codeOf(node, operation, fitting(operation.input)?.value ?? {}, subject.identity);
    if (code !== 'NOT_FOUND')
      throw new ConformanceFault(
        `${operation.name} is internal: expected NOT_FOUND on the wire, found ${code}`,
      );
  });
}

async function codeOf(
  node: PluginUnderTest,
  { name, type }: AnyOperation,
  input: unknown,
  identity: Subject['identity'] | null,
): Promise<string> {
  try {
    if (type !== 'subscription') await node.call(name, input, { identity });
    else {
      const stop = new AbortController();
      const values = node.subscribe(name, input, { identity, signal: stop.signal })[Symbol.asyncIterator]();
      try {
        await values.next();
      } finally {
        stop.abort();
        await values.return?.().catch(() => {});
      }
    }
    return 'an answer';
  } catch (error) {
    return error instanceof CallError ? error.code : String(error);
  }
}

async function endsWithCaller(subject: Subject, operation: AnyOperation): Promise<void> {
  const { identity, patience } = subject;
  const input = inputOf(subject, operation);
  await withNode(subject, async (node) => {
    const stop = new AbortController();
    const values = node
      .subscribe(operation.name, input, { identity, signal: stop.signal })
      [Symbol.asyncIterator]();
    let over = false;
    const read = (async () => {
      try {
        while ((await values.next()).done !== true && !stop.signal.aborted);
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      } finally {
        over = true;
      }
    })();
    // Between two values, or while it waits for the first: it must end in both.
    await Promise.race([read, new Promise((resolve) => setTimeout(resolve, Math.min(50, patience / 4)))]);
    stop.abort();
    if (!over) await read;
    await until(
      subject,
      () =>
        `${operation.name} went on after its caller had aborted: what it waits for must heed context.signal; it did not end`,
      async () => (await node.running()).calls === 0,
    );
  });
}

/** Begins one of everything that the plugin offers and leaves it running. */
export function beginSubscriptions(subject: Subject, node: PluginUnderTest): readonly Promise<void>[] {
  const { identity } = subject;
  return externalOperations(subject)
    .filter(({ type }) => type === 'subscription')
    .map(async (operation) => {
      try {
        for await (const _ of node.subscribe(operation.name, inputOf(subject, operation), { identity })) {
          // Read on: only the end matters.
        }
      } catch {
        // Of an aborted subscription that is the end.
      }
    });
}
