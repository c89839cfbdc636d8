/**
 * Looks again and again until it holds: what a file watcher, a timer or another process does has no event here. A probe
 * that fails does not hold yet. Resolves with the milliseconds that it took.
 */
export async function eventually(what: string, probe: () => unknown, within = 15_000): Promise<number> {
  const begun = performance.now();
  for (;;) {
    let cause: unknown;
    try {
      if (await probe()) return performance.now() - begun;
    } catch (error) {
      cause = error;
    }
    if (performance.now() - begun > within) throw new Error(`${what}: not within ${within} ms`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The same, of a condition that says itself what it is. */
export function until(condition: () => unknown, within?: number): Promise<number> {
  return eventually(String(condition), condition, within);
}
