/** Winsock's extension functions, loaded once for each address family. */

import type { ForeignFunction } from '../../ffi/library.js';
import { type Extension, loadExtension } from '../../ffi/windows/mswsock.js';
import { ws2_32 } from '../../ffi/windows/ws2_32.js';
import { windowsErrors } from '../windows/errors.js';
import type { SocketRecord } from '../windows/socket-records.js';

export type FamilyExtensions = Readonly<Record<(typeof NAMES)[number], ForeignFunction>>;

const NAMES = ['AcceptEx', 'ConnectEx', 'GetAcceptExSockaddrs'] as const satisfies readonly Extension[];

export class Extensions {
  readonly #families = new Map<string, FamilyExtensions>();

  of(socket: SocketRecord): FamilyExtensions {
    const known = this.#families.get(socket.family);
    if (known !== undefined) {
      return known;
    }
    const load = (name: Extension): ForeignFunction => {
      const loaded = loadExtension(name, socket.handle);
      if (loaded === undefined) {
        throw windowsErrors.create(ws2_32().WSAGetLastError(), 'WSAIoctl');
      }
      return loaded;
    };
    const fresh = Object.fromEntries(NAMES.map((name) => [name, load(name)])) as FamilyExtensions;
    this.#families.set(socket.family, fresh);
    return fresh;
  }
}
