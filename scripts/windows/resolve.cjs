/**
 * Loaded before everything under Windows' Node in Wine: our modules name each other by their files, so nothing has to be
 * looked for. Each look at a file is several requests to Wine's server, and they were half of what a start takes.
 */

const { registerHooks } = require('node:module');

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (/^\.\.?\/.*\.js$/.test(specifier) && /\/dist\/(?!.*\/node_modules\/)/.test(context.parentURL)) {
      // Of this kind, by the project's package.json.
      return { url: new URL(specifier, context.parentURL).href, format: 'module', shortCircuit: true };
    }
    return nextResolve(specifier, context);
  },
});
