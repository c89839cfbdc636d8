/**
 * ajv in both dialects, with its formats. The build makes one file of them.
 *
 * @module
 */

export { Ajv, type FuncKeywordDefinition, type Options, type ValidateFunction } from 'ajv';
export { Ajv2020 } from 'ajv/dist/2020.js';
export { default as addFormats } from 'ajv-formats';
