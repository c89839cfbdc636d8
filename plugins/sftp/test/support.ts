/** A folder of its own, the plugin in memory with exports in it, and clients to it. */

import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import type { Identity } from '@alknet/sdk';
import { createTestNode, type TestNode } from '@alknet/sdk/testing';
import { SftpClient, SftpError } from '../src/client/client.ts';
import { decodePacket, encodePacket, FrameDecoder, type Packet, PacketType } from '../src/codec/index.ts';
import plugin from '../src/plugin.ts';
import type { SessionOptions } from '../src/session/session.ts';

export interface Place {
  /** Canonical; holds `share` and whatever lies outside of it. */
  readonly folder: string;
  /** The export `share` of {@link ada}. */
  readonly share: string;
}

export async function place(t: TestContext): Promise<Place> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'alknet-sftp-')));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const share = join(folder, 'share');
  await mkdir(share);
  return { folder, share };
}

/** The defaults of the specification. */
export const sessionOptions: SessionOptions = {
  maxPacket: 262_144,
  maxInFlight: 64,
  maxHandles: 256,
  greetingTimeout: 30_000,
  idleTimeout: 3_600_000,
};

export const peer = (id: string, ...sftp: string[]): Identity => ({ id, scopes: [], resources: { sftp } });

/** Sees the one export `share`. */
export const ada = peer('ada', 'share');

export interface Served extends Place {
  readonly node: TestNode<typeof plugin>;
  /** A stream of its own connection. */
  stream(identity?: Identity | null, singleStream?: boolean): Promise<Duplex>;
  client(identity?: Identity): Promise<SftpClient>;
  raw(identity?: Identity): Promise<RawClient>;
  /** Resolves when so many sessions run. */
  sessions(count: number): Promise<void>;
}

export async function served(t: TestContext, config: Record<string, unknown> = {}): Promise<Served> {
  const here = await place(t);
  const node = await createTestNode(plugin, {
    config: { exports: [`share:${here.share}:rw`], ...config },
  });
  // Before the folder goes: hooks run in the order in which they were made, and the node must let go of it.
  t.after(() => node.stop());
  const stream = async (identity: Identity | null = ada, singleStream = false) => {
    const connection = node.connect({ identity, singleStream });
    if (connection.multiplexed) return connection.openStream();
    for await (const only of connection) return only;
    throw new Error('the connection has no stream');
  };
  return {
    ...here,
    node,
    stream,
    client: async (identity) => SftpClient.begin(await stream(identity)),
    raw: async (identity) => RawClient.begin(await stream(identity)),
    async sessions(count) {
      const admin = { id: 'admin', scopes: ['sftp:admin'], resources: {} };
      for (;;) {
        const answer = await node.client({ identity: admin }).call('sftp/sessions/list', {});
        if (answer.sessions.length === count) return;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** Sends bytes as they are given, and sees every answer. */
export class RawClient {
  readonly stream: Duplex;
  readonly #frames = new FrameDecoder(1 << 20);
  readonly #answers: Packet[] = [];
  #wake: () => void = () => {};
  #over = false;

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('error', () => {});
    stream.on('data', (chunk: Buffer) => {
      for (const frame of this.#frames.push(chunk)) {
        const packet = decodePacket(frame);
        if (packet.type === 'unknown') throw new Error('an unknown packet');
        this.#answers.push(packet);
      }
      this.#wake();
    });
    for (const event of ['end', 'close']) {
      stream.once(event, () => {
        this.#over = true;
        this.#wake();
      });
    }
  }

  static async begin(stream: Duplex): Promise<RawClient> {
    const client = new RawClient(stream);
    client.send({ type: PacketType.INIT, version: 3, extensions: [] });
    const answer = await client.next();
    if (answer?.type !== PacketType.VERSION) throw new Error(`expected VERSION, received ${answer?.type}`);
    return client;
  }

  send(...packets: readonly (Packet | Buffer)[]): void {
    for (const packet of packets) this.stream.write(Buffer.isBuffer(packet) ? packet : encodePacket(packet));
  }

  /** The next answer; nothing when the session is over. */
  async next(): Promise<Packet | undefined> {
    while (this.#answers.length === 0 && !this.#over) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#answers.shift();
  }

  /** The answers to so many requests, by id. */
  async answers(count: number): Promise<Map<number, Packet>> {
    const found = new Map<number, Packet>();
    while (found.size < count) {
      const answer = await this.next();
      if (answer === undefined || !('id' in answer)) throw new Error('the session ended');
      found.set(answer.id, answer);
    }
    return found;
  }

  /** The code of the STATUS that answers one request. */
  async status(packet: Packet | Buffer): Promise<number> {
    this.send(packet);
    const answer = await this.next();
    if (answer?.type !== PacketType.STATUS) throw new Error(`expected STATUS, received ${answer?.type}`);
    return answer.code;
  }
}

/** A frame of any bytes, with the length that it has or is said to have. */
export function frame(body: Uint8Array, length = body.length): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(length);
  return Buffer.concat([prefix, body]);
}

export const hasStatus = (code: number) => (error: unknown) => {
  if (error instanceof SftpError && error.code === code) return true;
  throw error;
};

/** What the descriptors of this process hold at or below a folder. */
export function openBelow(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const held = readlinkSync(`/proc/self/fd/${fd}`);
      return held === folder || held.startsWith(`${folder}/`) ? [held] : [];
    } catch {
      // The one with which the list was read.
      return [];
    }
  });
}
