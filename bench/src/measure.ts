/**
 * Runs one row: starts a server and a client process for each contender, lets them take turns, ends them.
 *
 * @module
 */

import { makeCertificate } from './certificate.ts';
import type { Figure, RowResult } from './result.ts';
import type { IdleScenario, RateScenario, Scenario } from './scenarios.ts';
import type { StackName } from './stack.ts';
import { median } from './statistics.ts';
import { rounded } from './table.ts';
import { Worker } from './worker/fork.ts';

export interface Pair {
  readonly server: Worker<'server'>;
  readonly client: Worker<'client'>;
}

export interface Rounds {
  readonly seconds: number;
  readonly rounds: number;
}

export type Progress = (text: string) => void;

const certificate = makeCertificate();

export async function start(stack: StackName, scenario: Scenario): Promise<Pair> {
  const label = `${scenario.name} ${stack}`;
  const server = new Worker('server', `${label} server`);
  const client = new Worker('client', `${label} client`);
  try {
    const address = await server.call(
      'start',
      [stack, { certificate, udpPayload: scenario.udpPayload }],
      120,
    );
    await client.call('start', [stack, address]);
    return { server, client };
  } catch (error) {
    await stop({ server, client });
    throw error;
  }
}

export async function stop({ server, client }: Pair): Promise<void> {
  await client.end();
  await server.end();
}

/** The pairs of one row, and what became of those that failed; one contender's failure ends no other. */
class Field {
  readonly failures: { [K in StackName]?: string } = {};
  private readonly pairs = new Map<StackName, Pair>();
  private readonly progress: Progress;

  constructor(progress: Progress) {
    this.progress = progress;
  }

  async start(scenario: Scenario): Promise<void> {
    const started = new Map<StackName, Pair>();
    await Promise.all(
      scenario.stacks.map((stack) =>
        this.attempt(stack, async () => void started.set(stack, await start(stack, scenario))),
      ),
    );
    for (const stack of scenario.stacks) {
      const pair = started.get(stack);
      if (pair !== undefined) this.pairs.set(stack, pair);
    }
  }

  /** One turn of every contender that still stands. */
  async turn(play: (stack: StackName, pair: Pair) => Promise<void>): Promise<void> {
    for (const [stack, pair] of this.pairs) {
      await this.attempt(stack, () => play(stack, pair));
      if (this.failures[stack] === undefined) continue;
      this.pairs.delete(stack);
      await stop(pair);
    }
  }

  async end(): Promise<void> {
    await Promise.all([...this.pairs.values()].map(stop));
  }

  private async attempt(stack: StackName, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.failures[stack] = reason.split('\n', 1)[0] ?? reason;
      this.progress(`${stack} failed: ${reason}`);
    }
  }
}

export async function measure(scenario: Scenario, options: Rounds, progress: Progress): Promise<RowResult> {
  const field = new Field(progress);
  const samples = new Map<StackName, number[]>(scenario.stacks.map((stack) => [stack, []]));
  const record = (stack: StackName, value: number) => {
    samples.get(stack)?.push(value);
    progress(`${scenario.name} ${stack}: ${rounded(value)} ${scenario.unit}`);
  };
  try {
    await field.start(scenario);
    if (scenario.kind === 'rate') await rate(scenario, options, field, record);
    else if (scenario.kind === 'import') await imports(field, record);
    else await idle(scenario, field, record);
  } finally {
    await field.end();
  }
  const { name, title, unit, better } = scenario;
  const figures: { [K in StackName]?: Figure } = {};
  for (const [stack, values] of samples) {
    if (field.failures[stack] === undefined) figures[stack] = { value: median(values), samples: values };
  }
  return { name, title, unit, better, figures, failures: field.failures };
}

type Record = (stack: StackName, value: number) => void;

/** A warm-up, then the timed rounds. */
async function rate(
  { work, scale, held }: RateScenario,
  { seconds, rounds }: Rounds,
  field: Field,
  record: Record,
): Promise<void> {
  await field.turn(async (stack, { client }) => {
    if (stack === held?.stack) await hold(client, held.connections);
  });
  for (let round = 0; round <= rounds; round++) {
    await field.turn(async (stack, { client }) => {
      const measured = await client.call(
        'run',
        [work, seconds],
        (work.kind === 'fetch' ? 300 : 60) + 2 * seconds,
      );
      if (round > 0) record(stack, measured.count / measured.seconds / scale);
    });
  }
}

async function imports(field: Field, record: Record): Promise<void> {
  await field.turn(async (stack, { server }) => {
    const { operations, seconds } = await server.call('imported', []);
    record(stack, operations / seconds);
  });
}

/** Some hundred handshakes a second, and more time than that on a machine that does other things. */
async function hold(client: Pair['client'], connections: number): Promise<void> {
  await client.call('hold', [connections], 60 + connections / 25);
}

async function idle({ connections, memory }: IdleScenario, field: Field, record: Record): Promise<void> {
  await field.turn(async (stack, { server, client }) => {
    const before = await server.call('memory', []);
    await hold(client, connections);
    const after = await server.call('memory', []);
    record(stack, (after[memory] - before[memory]) / connections / 1024);
  });
}
