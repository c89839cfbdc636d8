import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionAlarm } from '../../../src/endpoint/quic/alarm.ts';
import type { Clock } from '../../../src/endpoint/quic/clock.ts';
import { Simulation } from './simulated-network.ts';

interface SimulatedTimer {
  isCancelled: boolean;
  isRung: boolean;
  isUnref: boolean;
}

/** A connection whose library wants to be told of the time at `deadline`, on a clock that jumps. */
function simulated(seed = 1) {
  const simulation = new Simulation(seed);
  const timers: SimulatedTimer[] = [];
  const clock: Clock = {
    now: () => simulation.now,
    after: (milliseconds, ring) => {
      const timer = { isCancelled: false, isRung: false, isUnref: false };
      timers.push(timer);
      simulation.after(milliseconds, () => {
        if (timer.isCancelled) return;
        timer.isRung = true;
        ring();
      });
      return {
        cancel: () => {
          timer.isCancelled = true;
        },
        unref: () => {
          timer.isUnref = true;
        },
      };
    },
  };
  const seen = {
    timeouts: [] as number[],
    latenesses: [] as number[],
    works: 0,
    pings: [] as number[],
    forgotten: [] as number[],
  };
  const library = { deadline: Number.POSITIVE_INFINITY };
  const alarm: ConnectionAlarm = new ConnectionAlarm(clock, {
    timeout: () =>
      library.deadline === Number.POSITIVE_INFINITY ? null : Math.max(0, library.deadline - simulation.now),
    onTimeout: () => {
      seen.timeouts.push(simulation.now);
      seen.latenesses.push(simulation.now - library.deadline);
      library.deadline = Number.POSITIVE_INFINITY;
    },
    work: () => {
      seen.works++;
      alarm.arm();
    },
    ping: () => {
      seen.pings.push(simulation.now);
      alarm.sent();
    },
    forget: () => {
      seen.forgotten.push(simulation.now);
      alarm.stop();
    },
  });
  const waiting = () => timers.filter(({ isCancelled, isRung }) => !isCancelled && !isRung);
  return { simulation, alarm, library, seen, timers, waiting };
}

test('the library is told of its deadline when it has come, within 2 ms and never before', () => {
  const { simulation, alarm, library, seen } = simulated();
  library.deadline = 700;
  alarm.arm();
  simulation.run(699.9);
  assert.deepEqual(seen.timeouts, []);
  simulation.run();
  assert.equal(seen.timeouts.length, 1);
  assert.ok((seen.timeouts[0] ?? 0) >= 700 && (seen.timeouts[0] ?? 0) <= 702);
  assert.equal(seen.works, 1);
});

test('a deadline that comes nearer brings the timer forward, one that is put off costs no timer of its own', () => {
  const { simulation, alarm, library, seen, timers, waiting } = simulated();
  library.deadline = 30_000;
  alarm.arm();
  library.deadline = 25;
  alarm.arm();
  assert.equal(timers.length, 2);
  assert.equal(waiting().length, 1);
  // Ten thousand datagrams, each of which puts the loss time-out off a little.
  for (let sent = 1; sent <= 10_000; sent++) {
    simulation.run(sent / 1000);
    library.deadline = 25 + sent / 1000;
    alarm.arm();
  }
  assert.equal(timers.length, 2);
  simulation.run(1000);
  assert.equal(seen.timeouts.length, 1);
  assert.ok((seen.timeouts[0] ?? 0) >= 35 && (seen.timeouts[0] ?? 0) <= 37);
});

test('whatever the deadlines do in a day, none is missed, none is early, and one timer waits at most', () => {
  const day = 24 * 3600 * 1000;
  const { simulation, alarm, library, seen, waiting } = simulated(7);
  const turn = () => {
    assert.ok(simulation.now <= library.deadline + 2, 'a deadline was missed');
    const kind = simulation.random();
    const wait = kind < 0.5 ? 30 : kind < 0.9 ? 300 : 30_000;
    const none = Number.POSITIVE_INFINITY;
    library.deadline = kind > 0.98 ? none : simulation.now + simulation.random() * wait;
    alarm.arm();
    assert.ok(waiting().length <= 1);
    if (simulation.now < day) simulation.after(simulation.random() ** 4 * 60_000, turn);
  };
  turn();
  simulation.run();
  assert.ok(seen.latenesses.every((late) => late >= 0 && late <= 2));
  assert.ok(seen.timeouts.length > 1000, `${seen.timeouts.length} deadlines came`);
});

test('a process that was stopped for an hour tells the library once, and goes on', () => {
  const { simulation, alarm, library, seen } = simulated();
  library.deadline = 30_000;
  alarm.arm();
  simulation.now = 3_600_000;
  library.deadline = 20_000;
  alarm.arm();
  simulation.run();
  assert.equal(seen.timeouts.length, 1);
  library.deadline = simulation.now + 10;
  alarm.arm();
  simulation.run();
  assert.equal(seen.timeouts.length, 2);
});

test('END-41 a PING goes out when a third of the idle time has passed without sending, and not else', () => {
  const period = 10_000;
  const { simulation, alarm, seen, waiting } = simulated();
  alarm.keepAlive(period);
  const busy = () => {
    alarm.sent();
    if (simulation.now < 3_600_000) simulation.after(9_000, busy);
  };
  busy();
  simulation.run(3_600_000);
  assert.deepEqual(seen.pings, []);
  const last = simulation.now;
  simulation.run(last + 100_000);
  assert.ok(seen.pings.length >= 9 && seen.pings.length <= 10);
  let before = last;
  for (const at of seen.pings) {
    assert.ok(at - before <= 2 * period);
    before = at;
  }
  assert.ok(waiting().every(({ isUnref }) => isUnref));
  alarm.ended();
  const pings = seen.pings.length;
  simulation.run(last + 1_000_000);
  assert.equal(seen.pings.length, pings);
});

test('a close waits for the confirmation of the handshake, half a second at most, and comes once', () => {
  for (const [at, expected] of [
    [100, 100],
    [Number.POSITIVE_INFINITY, 500],
  ] as const) {
    const { simulation, alarm, waiting } = simulated();
    const closes: number[] = [];
    alarm.whenConfirmed(() => closes.push(simulation.now));
    assert.ok(alarm.isHeld);
    if (at < 500) simulation.after(at, () => alarm.confirmed());
    simulation.run();
    alarm.confirmed();
    assert.deepEqual(closes, [expected]);
    assert.equal(alarm.isHeld, false);
    assert.deepEqual(waiting(), []);
  }
});

test('after the end stragglers are answered for 3 s, keeping no process alive, and then nothing rings', () => {
  const { simulation, alarm, library, seen, waiting } = simulated();
  library.deadline = 1_000;
  alarm.arm();
  alarm.keepAlive(10_000);
  alarm.ended();
  alarm.ended();
  alarm.keepAlive(10_000);
  assert.ok(waiting().every(({ isUnref }) => isUnref));
  simulation.run(2_000);
  assert.equal(seen.timeouts.length, 1);
  library.deadline = 60_000;
  alarm.arm();
  assert.ok(waiting().every(({ isUnref }) => isUnref));
  simulation.run();
  assert.deepEqual(seen.forgotten, [3_000]);
  assert.deepEqual(waiting(), []);
  alarm.arm();
  assert.deepEqual(waiting(), []);
  assert.deepEqual(seen.pings, []);
});

test('a connection that is forgotten at once leaves no timer', () => {
  const { simulation, alarm, library, seen, waiting } = simulated();
  library.deadline = 100;
  alarm.arm();
  alarm.keepAlive(10);
  alarm.whenConfirmed(() => assert.fail('closed'));
  alarm.ended();
  alarm.stop();
  assert.deepEqual(waiting(), []);
  simulation.run();
  assert.deepEqual([seen.works, seen.forgotten.length], [0, 0]);
});
