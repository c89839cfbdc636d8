/**
 * Waiting for code of others, but not for ever.
 *
 * @module
 */

/**
 * The promise, or `late` as rejection when it takes longer, or the reason of the signal when that is aborted before. A
 * later rejection of it is no unhandled one.
 */
export async function within<Result>(
  promise: Promise<Result>,
  milliseconds: number,
  late: Error,
  signal?: AbortSignal,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  let abandon = () => {};
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), milliseconds);
    abandon = () => reject(signal?.reason);
    signal?.addEventListener('abort', abandon);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abandon);
  }
}

/** Waits for the promise, however it ends, or for so many milliseconds. */
export async function atMost(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  await Promise.race([promise.catch(() => {}), limit]);
  clearTimeout(timer);
}
