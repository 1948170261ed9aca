/**
 * `overlapped/sim`: a network in memory, with a clock and a seed of its own, for tests of programs that use overlapped.
 *
 * A port on it is `CompletionPort.create({ driver: new SimNetwork() })`. It keeps the contract of a completion port as
 * the systems' drivers do, and can be told what goes wrong. docs/sim.md begins with a program.
 */

export type { Clock, ClockTimer } from './base/clock.js';
export type { EndpointState, SimEndpoint, SimListener } from './drivers/sim/endpoint.js';
export type { SimFaults } from './drivers/sim/faults.js';
export { SimNetwork, type SimNetworkOptions } from './drivers/sim/network.js';
export type { Range } from './drivers/sim/random.js';
