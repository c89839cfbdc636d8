/**
 * The payload that every stack carries: a small record as services exchange them, 150 bytes as JSON.
 *
 * @module
 */

export interface Message {
  readonly text: string;
  readonly number: number;
  readonly flag: boolean;
  readonly tags: readonly string[];
}

export const message: Message = {
  text: 'The quick brown fox jumps over the lazy dog while the band plays on',
  number: 1234567.875,
  flag: true,
  tags: ['bench', 'payload', 'small'],
};

/** @throws when an answer is not the message that was sent, so that no stack is measured for doing less. */
export function checkEcho(answer: unknown): void {
  const { text, number } = answer as Partial<Message>;
  if (text === message.text && number === message.number) return;
  throw new Error(`expected the message that was sent, received ${JSON.stringify(answer)?.slice(0, 200)}`);
}

/** Bytes of one piece of bulk data, on the stacks that carry it in messages. */
export const chunkSize = 64 * 1024;
