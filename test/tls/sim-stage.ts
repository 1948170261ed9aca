/** Shared by the tests of TLS on a simulated network: a stage, its certificates, and a relay between two ends. */

import assert from 'node:assert/strict';
import type { Server } from 'overlapped';
import type { SimNetwork, SimNetworkOptions } from 'overlapped/sim';
import { tlsLibrary } from '../../src/tls/library.js';
import { liveSessions } from '../../src/tls/session.js';
import { eventually } from '../support/harness.js';
import { onVirtualStage, type VirtualStage } from '../support/virtual-stage.js';
import { makeServerCertificate } from '../support/x509.js';

export const { authority, server: identity } = makeServerCertificate('ed25519');
export const ofServer = { key: identity.key, cert: identity.cert };
export const ofClient = { ca: authority.cert, servername: 'localhost' };

/** The network fails in all ways in which the bytes still arrive. */
export const CROOKED = {
  multishot: true,
  faults: {
    shortReceives: 0.5,
    shortSends: 0.5,
    reorderedCompletions: 0.3,
    noBuffers: 0.2,
    endedMultishots: 0.3,
    deliveryDelayMs: [0, 20],
    operationDelayMs: [0, 2],
    completionDelayMs: [0, 2],
    cancelDelayMs: [0, 5],
  },
} as const satisfies SimNetworkOptions;

/** Plays on a stage, and checks that nothing of TLS is left. */
export async function onTlsStage(
  options: SimNetworkOptions,
  play: (stage: VirtualStage) => Promise<void>,
): Promise<void> {
  await onVirtualStage(options, play);
  await eventually(() => liveSessions() === 0, 'the last SSL is freed');
  const { records, written } = tlsLibrary();
  assert.deepEqual({ lent: records.lent, written }, { lent: 0, written: 0 });
}

export function portOf({ address }: Server): number {
  assert(address.family !== 'unix');
  return address.port;
}

type Endpoint = NonNullable<ReturnType<ReturnType<SimNetwork['listen']>['accept']>>;

/** Passes bytes on in both directions, and ends as long as it is to. */
export function relay({ network }: VirtualStage, near: Endpoint, port: number) {
  const far = network.connect({ family: 'ipv4', address: '127.0.0.1', port });
  const state = { near, far, passesEnds: true };
  const pass = (from: Endpoint, to: Endpoint): void => {
    if (from.state === 'connected' && to.state === 'connected') {
      if (from.readable > 0 && to.writable > 0) {
        to.write(from.read(to.writable));
      }
      if (from.ended && state.passesEnds) {
        to.end();
      }
    } else if (from.state === 'failed' || to.state === 'failed') {
      near.close();
      far.close();
    }
  };
  const passBoth = (): void => {
    pass(near, far);
    pass(far, near);
  };
  near.onChange = passBoth;
  far.onChange = passBoth;
  return state;
}
