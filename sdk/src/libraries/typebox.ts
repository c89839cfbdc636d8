/**
 * TypeBox, as much of it as this package shows. The build makes one file of it: 373 of them take Node 0.15 s to load.
 *
 * @module
 */

export { type Static, type TSchema, Type } from 'typebox';
