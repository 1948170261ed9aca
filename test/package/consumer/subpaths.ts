/** Imports a value and a type from each entry but overlapped/prometheus, which needs prom-client. */

import { CLOSE_REASONS, type Connection, Engine, type EngineOptions, OperationError, type Server } from 'overlapped';
import { type Framing, lengthPrefixed } from 'overlapped/framing';
import { type Completion, CompletionPort, type PumpOptions } from 'overlapped/port';
import { SimNetwork, type SimNetworkOptions } from 'overlapped/sim';
import { addressOf, Slab } from 'overlapped/win32';

const options: SimNetworkOptions = { seed: 7 };
const engineOptions: EngineOptions = { driver: new SimNetwork(options) };
const engine = new Engine(engineOptions);
const framing: Framing<Buffer> = lengthPrefixed();
const port = CompletionPort.create({ driver: new SimNetwork(options) });
const pump: PumpOptions = {};
const kinds: Completion['kind'][] = [];
port.start((completion) => kinds.push(completion.kind), pump);

function describe(connection: Connection<{ name: string }>, server: Server): string {
  return `${connection.context.name} of ${server.statistics().engine.driver}`;
}

const parts = [CLOSE_REASONS.length > 10, typeof OperationError, typeof framing, typeof addressOf, typeof Slab];
console.log(engine.driver, port.driver, describe.length, ...parts);
port.close();
engine.close();
