/**
 * The routes that plugins contribute, ready to be looked up. `docs/spec/http.md` 12. Pure.
 *
 * @module
 */

import type { Contribution, HttpRoute } from '@alknet/sdk';
import { compare, matches, PatternFault, parsePattern, type RoutePattern, shape } from './pattern.ts';

export interface PlacedRoute {
  readonly plugin: string;
  readonly methods: ReadonlySet<string>;
  readonly pattern: RoutePattern;
  readonly route: HttpRoute;
}

/** Why a contribution cannot be served; the plugin that it is of does not start. */
export class RouteFault extends Error {
  override readonly name = 'RouteFault';
  readonly plugin: string;

  constructor(plugin: string, message: string) {
    super(message);
    this.plugin = plugin;
  }
}

export class RouteTable {
  readonly #routes: readonly PlacedRoute[];

  private constructor(routes: readonly PlacedRoute[]) {
    this.#routes = routes.toSorted((a, b) => compare(a.pattern, b.pattern));
  }

  /**
   * In the order of the contributions: what meets an earlier one is a fault.
   * @throws RouteFault, unless `onFault` takes it; then that route is left out.
   */
  static of(
    contributions: readonly Contribution[],
    isReserved: (path: string) => boolean,
    onFault: (fault: RouteFault) => void = (fault) => {
      throw fault;
    },
  ): RouteTable {
    const owners = new Map<string, string>();
    const placed: PlacedRoute[] = [];
    for (const { plugin, value } of contributions) {
      for (const route of routesOf(plugin, value, onFault)) {
        const fault = claim(owners, route, isReserved);
        if (fault === undefined) placed.push(route);
        else onFault(fault);
      }
    }
    return new RouteTable(placed);
  }

  /** Routes of that path, most particular first. */
  find(segments: readonly string[]): readonly PlacedRoute[] {
    return this.#routes.filter(({ pattern }) => matches(pattern, segments));
  }
}

/** Whether the method and path are free for it. */
function claim(
  owners: Map<string, string>,
  { plugin, methods, pattern }: PlacedRoute,
  isReserved: (path: string) => boolean,
): RouteFault | undefined {
  if (isReserved(pattern.text))
    return new RouteFault(
      plugin,
      `the path ${pattern.text} is reserved by plugin http; ${plugin} cannot contribute it`,
    );
  const keys = [...methods].map((method) => `${method} ${shape(pattern)}`);
  for (const key of keys) {
    const owner = owners.get(key);
    if (owner !== undefined)
      return new RouteFault(
        plugin,
        `${key.split(' ', 1)[0]} ${pattern.text} of plugin ${plugin} is a route of plugin ${owner} already`,
      );
  }
  for (const key of keys) owners.set(key, plugin);
  return undefined;
}

function routesOf(plugin: string, value: unknown, onFault: (fault: RouteFault) => void): PlacedRoute[] {
  if (!Array.isArray(value)) {
    onFault(new RouteFault(plugin, `contributes.http of plugin ${plugin}: expected a list of routes`));
    return [];
  }
  return value.flatMap((route: unknown) => {
    try {
      return [placedRoute(plugin, route)];
    } catch (error) {
      if (!(error instanceof PatternFault)) throw error;
      onFault(new RouteFault(plugin, `contributes.http of plugin ${plugin}: ${error.message}`));
      return [];
    }
  });
}

function placedRoute(plugin: string, route: unknown): PlacedRoute {
  if (!isRoute(route)) throw new PatternFault('expected { method, path, handler }');
  const methods = typeof route.method === 'string' ? [route.method] : route.method;
  for (const method of methods)
    if (!/^[A-Z]{1,20}$/.test(method) || method === 'CONNECT' || method === 'TRACE')
      throw new PatternFault(`method: expected one such as "GET", found ${JSON.stringify(method)}`);
  return { plugin, methods: new Set(methods), pattern: parsePattern(route.path), route };
}

function isRoute(value: unknown): value is HttpRoute {
  if (typeof value !== 'object' || value === null) return false;
  const { method, path, handler } = value as Partial<Record<string, unknown>>;
  const methods = Array.isArray(method) ? method : [method];
  return (
    typeof path === 'string' &&
    typeof handler === 'function' &&
    methods.length > 0 &&
    methods.every((one) => typeof one === 'string')
  );
}
