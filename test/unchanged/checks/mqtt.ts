/** MQTT: the broker aedes under mqtt.js and mosquitto's clients, and its own tests. */

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from '../check.js';
import { found } from '../services.js';
import type { Facts, Stage } from '../stage.js';

const MESSAGES = 2000;
const FILE_TIMEOUT_MS = 30_000;
/**
 * Files that cannot run here. The first needs another server, which runs in a container. The second calls `readStop` of the
 * handle of a socket, which a moved one does not have; its other tests use no sockets.
 */
const NOT_HERE: readonly string[] = ['drain-toxiproxy.js', 'drain-timeout.js'];

async function mqttJs(stage: Stage): Promise<Facts> {
  const { port } = await stage.serve('aedes-broker.js');
  return stage.run('mqtt-client.js', [String(port)]);
}

/** mosquitto_sub receives what mosquitto_pub publishes, in its order. */
async function mosquitto(stage: Stage): Promise<Facts> {
  const { port } = await stage.serve('aedes-broker.js');
  const to = ['-h', '127.0.0.1', '-p', String(port)];
  const lines = Array.from({ length: MESSAGES }, (_, index) => `message ${index}\n`).join('');
  const facts: Record<string, number> = {};
  for (const qos of ['0', '1', '2']) {
    const topic = ['-t', `topic/${qos}`, '-q', qos];
    const words = [...to, ...topic, '-C', String(MESSAGES), '-d'];
    // Into a pipe it would say that it has subscribed when its buffer is full.
    const subscriber = stage.start('stdbuf', ['-oL', found('mosquitto_sub'), ...words]);
    await subscriber.says(/SUBACK/);
    await stage.tool(found('mosquitto_pub'), [...to, ...topic, '-l'], { input: lines });
    const { exitCode, stdout } = await subscriber.ended;
    assert.equal(exitCode, 0);
    const received = stdout.split('\n').filter((line) => line.startsWith('message '));
    assert.equal(`${received.join('\n')}\n`, lines, `QoS ${qos}`);
    facts[`QoS ${qos}`] = received.length;
  }
  await stage.tool(found('mosquitto_pub'), [...to, '-t', 'kept', '-r', '-m', 'retained', '-q', '1']);
  const kept = await stage.tool(found('mosquitto_sub'), [...to, '-t', 'kept', '-C', '1', '-W', '10']);
  return { ...facts, kept: kept.stdout };
}

async function ownTests(stage: Stage): Promise<Facts> {
  const folder = join(stage.programs, 'node_modules/aedes');
  const files = readdirSync(join(folder, 'test')).filter((name) => /\.c?js$/.test(name) && !NOT_HERE.includes(name));
  let passed = 0;
  const failed: string[] = [];
  for (const name of files.sort()) {
    let counts = await testFile(stage, folder, name);
    if (counts.failed.length > 0) {
      // Some have limits of 50 ms, which a busy machine exceeds.
      counts = await testFile(stage, folder, name);
    }
    passed += counts.passed;
    failed.push(...counts.failed);
  }
  return { passed, failed: failed.join() };
}

async function testFile(stage: Stage, folder: string, name: string): Promise<{ passed: number; failed: string[] }> {
  const { exitCode, stdout } = await stage.node(['--test', '--test-reporter=tap', `test/${name}`], {
    cwd: folder,
    timeoutMs: FILE_TIMEOUT_MS,
  });
  const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1] ?? 0);
  const failed = [...stdout.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map(([, test]) => `${name}: ${test}`);
  return { passed, failed: exitCode !== 0 && failed.length === 0 ? [name] : failed };
}

export const MQTT_CHECKS: readonly Check[] = [
  { name: 'aedes/mqtt.js', level: 'quick', isMixed: true, run: mqttJs },
  {
    name: 'aedes/mosquitto at QoS 0 to 2',
    level: 'whole',
    tools: ['mosquitto_pub', 'mosquitto_sub'],
    run: mosquitto,
  },
  { name: 'aedes/its own tests', level: 'whole', timeoutMs: 300_000, run: ownTests },
];
