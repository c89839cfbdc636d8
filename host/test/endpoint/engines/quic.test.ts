import { quicTransport } from '../../../src/endpoint/quic/index.ts';
import { engineContract } from './contract.ts';

engineContract({ name: 'QUIC', make: quicTransport });
