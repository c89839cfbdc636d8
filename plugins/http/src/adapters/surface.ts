/**
 * The adapters as a part of the plugin: they live with its configuration, and have no path of their own.
 *
 * @module
 */

import type { MakeSurface } from '../surface.ts';
import { Adapters } from './life/adapters.ts';
import { makeAdapter } from './life/make.ts';
import { announce } from './life/running.ts';

export const adapterSurface: MakeSurface = ({ host, config }) => {
  const adapters = new Adapters(host, config(), makeAdapter);
  const leave = announce(host.node.id, adapters);
  return {
    routes: [],
    configure: (next) => adapters.configure(next),
    stop: async () => {
      leave();
      await adapters.stop();
    },
  };
};
