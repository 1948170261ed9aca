/** Makes a constructor a class of servers: `overlapped/net` and `overlapped/tls` have one each. */

import { defineServerMethods, SERVER_STATE, ServerState } from './methods.js';

interface Class {
  readonly prototype: object;
}

/** Servers of the constructor inherit from Node's class, and have our methods. */
export function makeServerClass(made: Class, nodes: Class): void {
  const { prototype } = made;
  Object.defineProperty(made, 'name', { value: 'Server' });
  Object.setPrototypeOf(made, nodes);
  Object.setPrototypeOf(prototype, nodes.prototype);
  defineServerMethods(prototype);
  // Made when it is first used: a server may get this prototype after it was created.
  Object.defineProperty(prototype, SERVER_STATE, {
    get(this: object): ServerState {
      const value = new ServerState();
      Object.defineProperty(this, SERVER_STATE, { value });
      return value;
    },
  });
}
