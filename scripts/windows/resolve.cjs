/**
 * Loaded before all other modules under Windows' Node in Wine. Our modules name each other by their files, so Node need not
 * search: each look at a file is several requests to Wine's server, and they were half of the time that a start takes.
 */

// @ts-expect-error The types are Node 20's, which has no such function yet.
const { registerHooks } = require('node:module');

registerHooks({
  /**
   * @param {string} specifier
   * @param {{ parentURL?: string }} context
   * @param {(specifier: string, context: object) => unknown} nextResolve
   */
  resolve(specifier, context, nextResolve) {
    if (/^\.\.?\/.*\.js$/.test(specifier) && /\/dist\/(?!.*\/node_modules\/)/.test(context.parentURL ?? '')) {
      // A module, as the project's package.json says.
      return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
    }
    return nextResolve(specifier, context);
  },
});
