/** Lines out of the chunks of a stream. A peer that sends no line end must not fill the memory. Pure. */

export class LineTooLong extends Error {
  override readonly name = 'LineTooLong';
}

export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string, void, undefined> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      if (end > maxBytes) break;
      yield rest.toString('utf8', 0, end).replace(/\r$/, '');
      rest = rest.subarray(end + 1);
    }
    if (rest.length > maxBytes) throw new LineTooLong(`expected a line of at most ${maxBytes} bytes`);
  }
  if (rest.length > 0) yield rest.toString('utf8');
}
