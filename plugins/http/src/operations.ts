/**
 * The operations of the plugin. `docs/spec/http.md` 24.
 *
 * @module
 */

export const operations = [] as const;
