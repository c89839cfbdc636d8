/**
 * Why a channel was not opened: `SSH_OPEN_ADMINISTRATIVELY_PROHIBITED` and its kin. RFC 4254 5.1.
 *
 * @module
 */

export const OpenFailure = {
  PROHIBITED: 1,
  CONNECT_FAILED: 2,
  UNKNOWN_TYPE: 3,
  RESOURCE_SHORTAGE: 4,
} as const;
