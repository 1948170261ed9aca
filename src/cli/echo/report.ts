/** The output of the echo server, as text or as JSON. */

import { type DriverName, formatAddress, type SocketAddress } from '../../index.js';
import { writeJson, writeLine } from '../output.js';
import type { Period, Totals } from './activity.js';

export interface Listening {
  readonly address: SocketAddress;
  readonly driver: DriverName;
  readonly skippedDrivers: readonly string[];
}

export interface EchoReport {
  listening(listening: Listening): void;
  /** Undefined if activity is not reported. */
  readonly activity: ((period: Period, totals: Totals) => void) | undefined;
  totals(totals: Totals, seconds: number): void;
}

function quantity(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

/** A shell command that connects to the server. */
function trial(address: SocketAddress): string {
  if (address.family === 'unix') {
    return address.path.startsWith('\0')
      ? `socat - ABSTRACT-CONNECT:${address.path.slice(1)}`
      : `ncat -U ${address.path}`;
  }
  const everywhere: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return `ncat ${everywhere[address.address] ?? address.address} ${address.port}`;
}

function activityLine(period: Period, totals: Totals): string {
  const parts: string[] = [];
  const connections = totals.opened - totals.closed;
  if (period.opened > 0) {
    parts.push(`opened ${period.openedAddress ?? period.opened} (connections ${connections})`);
  }
  if (period.closed > 0) {
    const detail =
      period.closedAddress === undefined
        ? `connections ${connections}`
        : `received ${quantity(period.closedBytes, 'byte', 'bytes')}`;
    parts.push(`closed ${period.closedAddress ?? period.closed} (${detail})`);
  }
  if (period.messages > 0) {
    parts.push(`messages ${totals.messages} (${period.messages} more, ${quantity(period.bytes, 'byte', 'bytes')})`);
  }
  return parts.join(', ');
}

/** @param quiet writes only the address and the totals */
export function textReport(quiet: boolean): EchoReport {
  return {
    listening: ({ address, driver, skippedDrivers }) => {
      writeLine(`listening on ${formatAddress(address)} (${driver})`);
      if (!quiet) {
        for (const reason of skippedDrivers) {
          writeLine(`skipped ${reason}`);
        }
        writeLine(`try it: ${trial(address)}`);
      }
    },
    activity: quiet ? undefined : (period, totals) => writeLine(activityLine(period, totals)),
    totals: ({ opened, messages, bytes }, seconds) => {
      const counts = [
        quantity(opened, 'connection', 'connections'),
        quantity(messages, 'message', 'messages'),
        quantity(bytes, 'byte', 'bytes'),
      ];
      writeLine(`totals: ${counts.join(', ')} in ${seconds.toFixed(1)} seconds`);
    },
  };
}

/** One object per line. */
export function jsonReport(quiet: boolean): EchoReport {
  return {
    listening: ({ address, driver, skippedDrivers }) => {
      const where =
        address.family === 'unix' ? { path: formatAddress(address) } : { host: address.address, port: address.port };
      writeJson({ event: 'listening', ...where, driver, skippedDrivers });
    },
    activity: quiet
      ? undefined
      : ({ opened, closed, messages, bytes, openedAddress, closedAddress, endedAtMs }, totals) =>
          writeJson({
            event: 'activity',
            opened,
            closed,
            messages,
            bytes,
            openedAddress,
            closedAddress,
            connections: totals.opened - totals.closed,
            messagesTotal: totals.messages,
            seconds: Number((endedAtMs / 1000).toFixed(3)),
          }),
    totals: ({ opened, messages, bytes }, seconds) =>
      writeJson({ event: 'totals', connections: opened, messages, bytes, seconds: Number(seconds.toFixed(3)) }),
  };
}
