/**
 * Runs a program of the project under Windows' Node in Wine: `npm run windows -- bin/overlapped.js doctor`. Its output
 * can be piped; Ctrl-C, SIGINT and SIGTERM reach it as Ctrl-C.
 */

import { openWindowsNode, runWindowsNode } from './windows-node.js';

await openWindowsNode();
const { exitCode } = await runWindowsNode(process.argv.slice(2));
process.exit(exitCode);
