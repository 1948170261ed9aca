/** The certificate of servers over TLS, which the suite makes for each of its runs: P-256, signed by an authority. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeServerCertificate } from '../test/support/x509.js';
import { CACHE } from './paths.js';
import { TLS_FILES } from './servers/roles.js';

const FOLDER = join(CACHE, 'tls');

/** Only the one who runs the suite reads the key. */
const KEY_MODE = 0o600;

export interface TlsFiles {
  /** For the server's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The authority's certificate, which the load trusts. */
  readonly authorityFile: string;
}

let files: TlsFiles | undefined;

/** Makes the files if this process has not made them yet. */
export function tlsFilesOfRun(): TlsFiles {
  if (files === undefined) {
    mkdirSync(FOLDER, { recursive: true });
    const { authority, server } = makeServerCertificate();
    const write = (name: string, text: string, mode?: number): string => {
      const path = join(FOLDER, `${process.pid}-${name}.pem`);
      writeFileSync(path, text, { mode });
      return path;
    };
    files = {
      environment: {
        [TLS_FILES.cert]: write('certificate', server.cert),
        [TLS_FILES.key]: write('key', server.key, KEY_MODE),
      },
      authorityFile: write('authority', authority.cert),
    };
    const made = files;
    process.once('exit', () => {
      for (const path of [...Object.values(made.environment), made.authorityFile]) {
        rmSync(path, { force: true });
      }
    });
  }
  return files;
}
