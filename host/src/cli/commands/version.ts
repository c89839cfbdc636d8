import { createRequire } from 'node:module';
import { alknetVersion } from '../../version.ts';
import type { Command } from '../command.ts';

const require = createRequire(import.meta.url);

export const versionCommand: Command = {
  path: ['version'],
  summary: 'Versions of alknet and what it stands on',
  examples: ['alknet version'],
  arguments: [0, 0],
  run: async (context) => {
    const versions = {
      alknet: alknetVersion,
      node: process.versions.node,
      platform: `${process.platform}-${process.arch}`,
      quic: `@matrixai/quic ${(require('@matrixai/quic/package.json') as { version: string }).version}`,
      plugins: { call: (require('@alknet/plugin-call/package.json') as { version: string }).version },
    };
    context.out.result(
      versions,
      `alknet ${versions.alknet} (node ${versions.node}, ${versions.platform}, ${versions.quic})`,
    );
    return undefined;
  },
};
