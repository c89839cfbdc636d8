import { conformance } from '@alknet/sdk/testing';
import { encodePacket, offeredExtensions, PacketType } from '../src/codec/index.ts';
import plugin from '../src/plugin.ts';

const extensions = offeredExtensions.map(([name, data]) => [Buffer.from(name), Buffer.from(data)] as const);

conformance(plugin, {
  config: { exports: ['root:/:ro'] },
  identity: { id: 'conformance', scopes: ['sftp:admin'], resources: { sftp: ['root'] } },
  streams: {
    'alknet/sftp': {
      send: encodePacket({ type: PacketType.INIT, version: 3, extensions: [] }),
      receive: encodePacket({ type: PacketType.VERSION, version: 3, extensions }),
    },
  },
});
