/**
 * What the operator of a new node may do. `docs/spec/cli.md` 2: no shell, exec or forwarding right by default.
 *
 * @module
 */

export const operatorScopes = [
  'admin',
  'dns:admin',
  'dns:read',
  'dns:write',
  'dns:recurse',
  'dns:publish',
  'fs:admin',
  'git:admin:**',
  'msg:admin',
  'msg:mailbox',
  'msg:send',
  'sftp:admin',
  'ssh:admin',
  'ssh:sftp',
];
