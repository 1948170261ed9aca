/** overlapped on `iocp` beside node:net, on Windows' Node in Wine, as `npm run windows` runs programs. */

import type { Contender, Presence } from '../contender.js';
import { ROOT } from '../paths.js';
import { firstLine, runTool } from './tools.js';

const RUNNER = `${ROOT}scripts/windows.js`;

function contender(name: string, title: string, words: readonly string[]): Contender {
  return {
    name,
    title,
    roles: ['echo'],
    remote: true,
    prepare,
    command: (role) => [process.execPath, RUNNER, ...words, role],
  };
}

/** The first time it installs Windows' Node and makes a prefix of Wine. */
function prepare(): Presence {
  const { done, output } = runTool(process.execPath, [RUNNER, '--version']);
  const version = /v(\d+\.\d+\.\d+)/.exec(output)?.[1];
  return done && version !== undefined
    ? { version: `Windows' Node ${version} in Wine` }
    : { missing: firstLine(output).replace(/^windows: /, '') };
}

/** Measured in scenarios of its own: costs in Wine cannot be compared with those on Linux. */
export const WINE: readonly Contender[] = [
  contender('wine:iocp', 'overlapped, iocp, in Wine', ['dist/bench/servers/engine.js', 'iocp']),
  contender('wine:net', 'node:net, in Wine', ['dist/bench/servers/net.js']),
];
