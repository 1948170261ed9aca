/** The driver `iocp` keeps the contract. */

import { contractSuite } from './contract/suite.js';
import { unlessWine } from './support/windows.js';

contractSuite('iocp', {
  multishot: false,
  unixConnectWaits: false,
  // Windows keeps it. Wine's server looks after the socket of an overlapped receive itself, and what it reads is gone.
  resetRemembered: unlessWine(
    "reads a socket's error when nobody receives, and forgets it: node:net's sockets end too",
  ),
});
