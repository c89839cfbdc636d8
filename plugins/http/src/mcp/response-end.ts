/**
 * The end of an answer: its last byte, or the client that left.
 *
 * @module
 */

/** `over` is called once. */
export function whenOver(response: Response, gone: AbortSignal, over: () => void): Response {
  const { status } = response;
  const headers = new Headers(response.headers);
  headers.set('cache-control', 'no-store');
  if (response.body === null) {
    over();
    return new Response(null, { status, headers });
  }
  const reader = response.body.getReader();
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    gone.removeEventListener('abort', leave);
    over();
  };
  const leave = () => {
    end();
    reader.cancel().catch(() => {});
  };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          end();
          controller.close();
        } catch (error) {
          end();
          controller.error(error);
        }
      },
      cancel() {
        leave();
      },
    },
    { highWaterMark: 0 },
  );
  if (gone.aborted) leave();
  else gone.addEventListener('abort', leave, { once: true });
  return new Response(body, { status, headers });
}
