import { tlsTransport } from '../../../src/endpoint/tls/index.ts';
import { engineContract } from './contract.ts';

engineContract({ name: 'TLS', make: tlsTransport });
