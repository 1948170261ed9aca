import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import { listening } from './listening.js';

const broker = await Aedes.createBroker({ concurrency: 200 });
listening(createServer(broker.handle));
