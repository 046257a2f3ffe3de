/** HTTPS: certificate, key and the authorities of callers, read from their files again when those change. */
import { readFileSync, statSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { Log } from '../../settings/log.ts';
import type { TlsSettings } from '../../settings/server-settings.ts';

/** What an HTTPS server is made of; `requestCert` and `rejectUnauthorized` where callers need a certificate. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly requestCert?: true;
  readonly rejectUnauthorized?: true;
  readonly minVersion: 'TLSv1.2';
}

/** Throws an error that names the file, when one cannot be read or certificate and key do not belong together. */
export function readTlsIdentity({ cert, key, clientCa }: TlsSettings): TlsIdentity {
  const identity: TlsIdentity = {
    cert: read('server.tls.cert', cert),
    key: read('server.tls.key', key),
    ...(clientCa ? { ca: read('server.tls.client_ca', clientCa), requestCert: true as const, rejectUnauthorized: true as const } : {}),
    minVersion: 'TLSv1.2',
  };
  try {
    createSecureContext(identity);
  } catch (error) {
    throw new Error(`server.tls: ${cert} and ${key} make no identity: ${(error as Error).message}`);
  }
  return identity;
}

function read(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`${name}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

const lookEveryMs = 30_000;

/** Calls `changed` with the new identity, or `failed` with why the old one stays, after any of the files has changed. Gives what ends the watch. */
export function watchTlsFiles(
  settings: TlsSettings,
  changed: (identity: TlsIdentity) => void,
  failed: (problem: string) => void,
  everyMs = lookEveryMs,
): () => void {
  const files = [settings.cert, settings.key, ...(settings.clientCa ? [settings.clientCa] : [])];
  // Renewals write certificate and key one after the other: what does not fit yet is looked at again.
  let isPending = false;
  let before = signature(files);
  const look = (): void => {
    const now = signature(files);
    if (now === before && !isPending) return;
    before = now;
    try {
      changed(readTlsIdentity(settings));
      isPending = false;
    } catch (error) {
      if (!isPending) failed((error as Error).message);
      isPending = true;
    }
  };
  const timer = setInterval(look, everyMs).unref();
  return () => clearInterval(timer);
}

/** Gives an HTTPS server each new identity while it listens, and tells the log. Connections that are open keep the old one. */
export function followTlsFiles(settings: TlsSettings, server: Server, log: Log): void {
  const end = watchTlsFiles(
    settings,
    identity => {
      (server as TlsServer).setSecureContext(identity);
      log.info('the certificate of server.tls was renewed');
    },
    problem => log.error(`${problem}; the certificate before it stays`),
  );
  server.once('close', end);
}

const signature = (files: readonly string[]): string =>
  files
    .map(file => {
      const { mtimeMs, size, ino } = statSync(file, { throwIfNoEntry: false }) ?? {};
      return `${mtimeMs} ${size} ${ino}`;
    })
    .join();
