/**
 * Certificates by ACME. `docs/spec/identity.md` 7.3.
 *
 * @module
 */

export { AcmeCertificates, type AcmeSettings } from './certificates.ts';
