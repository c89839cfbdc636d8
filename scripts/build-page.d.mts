export function bundlePage(): Promise<Map<string, Uint8Array>>;
export function buildPage(): Promise<void>;
