/** Notes for readers of the reports: how the figures are measured, and what they mean. */

import { NOTHING } from './units.js';

export const NOTES = `- CPU is the processor time of the server's process for each unit of work, as the scheduler counts it: of all threads, also of
  those that have ended, in nanoseconds. The system samples its parts in user space and in the system at the ticks of its
  clock. They are sums over all rounds, and rough under light load, where there are few ticks.
- "By CPU" and "at full core" are the rate per second of processor time that the server used; "as measured" is the rate itself.
  If the load was busy near 100 % and the server was not, the load was the limit: compare the CPU then, not the rate. A server
  that polls for a moment before it sleeps, as overlapped's does, uses processor time for that, and its peer need not wake it.
- In a scenario with half a processor, a program that only computes takes the other half of the server's. A connection costs the
  load as much as the server, so otherwise the load would be the limit.
- "The load's" is the load's own processor time for each unit of work.
- A measurement during which other programs took more than a tenth of a processor was repeated, at most twice for each server
  in a scenario, and the quietest one counts. Each round has its own order of servers.
- In bytes one way, each server is a new process in the second half of the rounds: one process of node:net may be as fast as
  another, or have a tenth of its speed, for as long as it lives.
- A latency ends when the load handles the received message, so it includes the load's work for the other connections. The next
  message is sent when one has been received, so with many connections the latency is mostly their number divided by the rate.
- Every received byte is compared with the byte that was sent; a server that answers wrongly has failed.
- Each server is the plain program of its interface, as in its own documentation. All set no-delay, and a backlog of 4,096 if it
  can be chosen (in Bun it cannot). "${NOTHING}" means that a contender has no program for a scenario. C on io_uring has none
  for framed messages, a broadcast and a proxy: "the better C" is the one on epoll there.
- In "broadcast" each message is written to each connection by itself. overlapped sends the writes of one round together;
  the other programs could gather them too (\`cork\`, \`ArrayBufferSink\`). With 8 at a time overlapped makes some 2.5 times as
  many deliveries as any of them.
- Memory is the resident memory of the process after all rounds.
- Resident memory for an idle connection is the growth of a process that is new in each round, divided by the connections. One
  second after the last activity it includes the garbage of connecting. V8 returns part of its young generation some eight
  seconds later, so 15 s after the last activity it is less. How much of it V8 has then varies by up to 48 MB per process,
  3,000 bytes for each of 15,000 connections. Seven servers wait at the same time, but they connect one after the other.
- Memory in use is what another process of the program reports after a garbage collection. On Node it is V8's heap and what
  malloc has given out, for buffers and libuv among others. On Bun and Deno it is only their heap and their buffers; the resident
  memory includes what they allocate natively. Programs in C have no collection. The targets begin with the figure in which
  overlapped is the least ahead of node:net.
- In Wine a server is new in each round, and is warmed up as before a first round.
- [GROWTH.md](GROWTH.md), which \`npm run bench -- --growth\` writes, has how the cost of a message grows with the number of
  connections and the size of messages, and the memory with the number of connections.`;

export const LIGHT_NOTES = `Messages are sent at their due time, and a latency begins there. The load reads the clock without a sleep, so its processor
is always busy and always awake; a server's sleeps. The first warm-up of a server has 20,000 messages a second,
on connections that end and come anew.`;

export const TLS_NOTES = `All servers have one certificate (P-256, signed by an authority), which the suite makes. The load verifies it and the
server's name, and agrees with each server on TLS 1.3, TLS_AES_256_GCM_SHA384 and X25519. The load uses the OpenSSL of its Node;
the server in C uses the system's, which may be another version. A cell has the ratio, its target in parentheses, and the
range of the rounds.`;

export const PROGRAM_NOTES = `Each server is a program of users that runs unchanged: on stock Node, with overlapped in the place of node:net, and on Bun, which
has its own node:http and its own ws package. The load checks the status, the length and the body of each answer. A connection
has one request in flight. A cell has the ratio, its target in parentheses, and the range of the rounds.`;

export const GROWTH_NOTES = `Both scales of a chart are logarithmic. A table has the figure, and its ratio to node:net's in parentheses. The CPU is that of
all threads of the server's process. Each point is a new process, warmed up. The memory is resident after the last round and
includes buffers and the collector's reserve, so it says little about small numbers of connections.
A server that fails at a point has no dot there, and is listed under Failures.`;
