/**
 * JSON with comments. The build makes one file of it.
 *
 * @module
 */

export * from 'jsonc-parser';
