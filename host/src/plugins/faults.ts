/**
 * What a plugin inside this thread leaves behind: rejections nobody waits for, and exceptions out of its timers and
 * callbacks. They never end the node, and are told as the plugin's where their stack leads to it. (Following every promise
 * by AsyncLocalStorage would name a few more, and costs each call a tenth of its time.) `docs/spec/config.md` 6.4.
 *
 * @module
 */

export interface Fault {
  readonly error: unknown;
  readonly kind: 'rejection' | 'exception';
  /** `undefined`: not known. */
  readonly plugin: string | undefined;
}

export interface FaultOptions {
  readonly report: (fault: Fault) => void;
  /** Which plugin a stack leads to. */
  readonly pluginOfStack: (stack: string) => string | undefined;
}

/** Sets the handlers of the process; the result takes them away again. */
export function catchFaults({ report, pluginOfStack }: FaultOptions): () => void {
  const tell = (error: unknown, kind: Fault['kind']) => {
    const plugin =
      error instanceof Error && error.stack !== undefined ? pluginOfStack(error.stack) : undefined;
    try {
      report({ error, kind, plugin });
    } catch {
      // A fault in the report of a fault must not end the node either.
    }
  };
  const onRejection = (error: unknown) => tell(error, 'rejection');
  const onException = (error: unknown) => tell(error, 'exception');
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  return () => {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
}
