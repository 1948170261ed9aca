/** A CommonJS module requires the ES module, as Node does from 20.19 on, and TypeScript with module nodenext. */

import overlapped = require('overlapped');

const listen: typeof overlapped.listen = overlapped.listen;
console.log(`required ${typeof listen}`);
