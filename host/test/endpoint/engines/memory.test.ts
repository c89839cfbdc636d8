import { memoryTransport } from '../memory-engine/index.ts';
import { engineContract } from './contract.ts';

engineContract({ name: 'many streams in memory', make: () => memoryTransport('quic') });
engineContract({ name: 'one stream in memory', make: () => memoryTransport('tls') });
