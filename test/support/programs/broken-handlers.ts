/** Modules with which threads cannot serve: the query of the URL selects the mistake. */

import type { ThreadModule, ThreadPlace } from 'overlapped';

type Place = Pick<ThreadPlace, 'thread' | 'threads'>;

const wrong = new URL(import.meta.url).search.slice(1);

if (wrong === 'load') {
  throw Object.assign(new Error('Broken on demand'), { code: 'ERR_ON_DEMAND' });
}

function broken({ thread, threads }: Place): never {
  throw Object.assign(new Error(`Broken in thread ${thread} of ${threads}`), { code: 'ERR_IN_CALL' });
}

/** Only the last thread cannot start: the others have, and must end. */
function lastBroken({ thread, threads }: Place): object {
  return thread === threads - 1 ? broken({ thread, threads }) : {};
}

const exports: Record<string, unknown> = {
  call: broken,
  last: lastBroken,
  word: 'no handlers',
  exit: () => process.exit(7),
};

export default exports[wrong] as ThreadModule;
