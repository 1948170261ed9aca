/** The outcome of `overlapped/register` in a thread, in words. */

import { OFF, SWITCH_VARIABLE } from '../net/variables.js';

/** The parts of Node that run on the engine. */
export const MOVES: readonly string[] = ['net (TCP, Unix-domain sockets)', 'http', 'tls', 'https', 'fetch'];

/** The parts that stay Node's own, each with the reason. */
export const STAYS: Readonly<Record<string, string>> = {
  http2: 'its native code needs sockets of Node',
  'tls with keys shared before, OCSP, a stored session, TLS on a stream': 'native code of Node does that',
  'cluster workers': 'the primary process listens for them',
  'pauseOnConnect, { fd }, { handle }': 'their handles are used elsewhere',
  'classes that extend net.Socket': 'they may be made of handles',
  "standard streams, pipes of child processes, Windows' named pipes": 'they are no sockets',
};

export type Outcome =
  | { readonly state: 'moved'; readonly driver: string; readonly late: readonly string[] }
  /** Another copy of the package has done it, or this one. */
  | { readonly state: 'repeated' }
  | { readonly state: 'off' }
  | { readonly state: 'unavailable'; readonly reason: string };

/** One line. */
export function wordsOf(outcome: Outcome): string {
  switch (outcome.state) {
    case 'moved': {
      const stays = Object.entries(STAYS).map(([name, reason]) => `${name} (${reason})`);
      const late = outcome.late.length === 0 ? '' : `; loaded before: ${outcome.late.join(', ')}`;
      return `node:net runs on ${outcome.driver}; moved: ${MOVES.join(', ')}; Node's own: ${stays.join(', ')}${late}`;
    }
    case 'repeated':
      return 'node:net was moved before';
    case 'off':
      return `node:net is Node's own: ${SWITCH_VARIABLE}=${OFF}`;
    case 'unavailable':
      return `node:net is Node's own, as no driver runs: ${outcome.reason}`;
  }
}
