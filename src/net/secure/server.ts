/** `Server` of `overlapped/tls`: that of `node:tls`, which listens on the engine where the engine's TLS can do what it wants. */

import type nodeTls from 'node:tls';
import { lateTls } from '../../tls/late-modules.js';
import { makeServerClass } from '../server/server-class.js';

type Callable = (this: object, ...args: unknown[]) => void;

/** Makes the constructor. Its servers are instances of Node's `Server`, whose constructor checks the options. */
export function makeTlsServer(): typeof nodeTls.Server {
  const { Server: NodesServer } = lateTls();
  function ServerConstructor(this: object | undefined, ...args: unknown[]): object {
    if (this === undefined || !Object.prototype.isPrototypeOf.call(NodesServer.prototype, this)) {
      return Reflect.construct(ServerConstructor, args) as object;
    }
    (NodesServer as unknown as Callable).apply(this, args);
    return this;
  }
  makeServerClass(ServerConstructor, NodesServer);
  return ServerConstructor as unknown as typeof nodeTls.Server;
}
