/**
 * A second copy of the package, in a realm of its own with its own global object, as test runners load it for each test
 * file (`node --experimental-vm-modules`). Prints how many ports this copy sees in the event loop before the other one
 * has started a port there, while it runs, and after its end.
 */

import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { createContext, type Module, SourceTextModule, SyntheticModule } from 'node:vm';
import type * as portModule from 'overlapped/port';
import { watchesInLoop } from '../../../src/drivers/linux/epoll-watch.js';

const context = createContext({ process });
const modules = new Map<string, Promise<Module>>();

/** Modules of Node, and other packages, are those of this realm. */
async function shared(name: string): Promise<Module> {
  const all = (await import(name)) as Record<string, unknown>;
  return new SyntheticModule(
    Object.keys(all),
    function () {
      for (const [key, value] of Object.entries(all)) {
        this.setExport(key, value);
      }
    },
    { context },
  );
}

function load(url: string): Promise<Module> {
  const found = modules.get(url) ?? create(url);
  modules.set(url, found);
  return found;
}

async function create(url: string): Promise<Module> {
  const isShared = isBuiltin(url) || !url.startsWith('file:');
  return isShared
    ? await shared(url)
    : new SourceTextModule(readFileSync(fileURLToPath(url), 'utf8'), {
        context,
        identifier: url,
        initializeImportMeta: (meta) => {
          meta.url = url;
        },
      });
}

const link = (name: string, { identifier }: Module): Promise<Module> =>
  load(name.startsWith('.') ? new URL(name, identifier).href : name);

const module = await load(new URL('../../../src/port.js', import.meta.url).href);
await module.link(link);
await module.evaluate();
const { CompletionPort } = module.namespace as typeof portModule;
const port = CompletionPort.create({ driver: 'epoll' });
const seen = [watchesInLoop()];
port.start(() => undefined);
seen.push(watchesInLoop());
port.close();
seen.push(watchesInLoop());
console.log(JSON.stringify(seen));
