/** The driver `iocp` keeps the contract. */

import { contractSuite } from '../../contract/suite.js';
import { IOCP_RESET_REMEMBERED } from '../../support/windows.js';

contractSuite('iocp', {
  multishot: false,
  unixConnectWaits: false,
  resetRemembered: IOCP_RESET_REMEMBERED,
});
