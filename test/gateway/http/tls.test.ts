import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTlsIdentity, watchTlsFiles } from '../../../gateway/http/tls/tls-files.ts';
import { type RunningGateway, settingsOf, startGateway } from '../harness.ts';

const openssl = (...args: readonly string[]): boolean => {
  try {
    execFileSync('openssl', args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};
const missing = openssl('version') ? '' : ' (skipped: no openssl)';

describe.skipIf(missing)(`server.tls${missing}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-tls-'));
  const file = (name: string): string => join(folder, name);
  const make = (name: string): void => {
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`];
    openssl('req', '-x509', ...ec, '-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), '-addext', 'subjectAltName=DNS:localhost');
  };
  beforeAll(() => ['one', 'two', 'caller'].forEach(make));
  afterAll(() => rmSync(folder, { recursive: true }));

  const start = (extra = ''): Promise<RunningGateway> =>
    startGateway('', {
      settings: settingsOf(
        `server: { port: 0, tls: { cert: "${file('one.pem')}", key: "${file('one.key')}"${extra} } }\nproviders: { sim: { api: simulated } }`,
      ),
    });
  const statusOf = (port: number, options: object): Promise<number | string> =>
    new Promise(resolve => {
      request({ host: 'localhost', port, path: '/health', rejectUnauthorized: false, agent: false, ...options }, response => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on('error', error => resolve((error as NodeJS.ErrnoException).code ?? error.message))
        .end();
    });
  const nameAt = async (port: number): Promise<unknown> => {
    const socket: TLSSocket = connect({ port, host: 'localhost', rejectUnauthorized: false });
    await new Promise(resolve => socket.once('secureConnect', resolve));
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return subject.CN;
  };

  it('serves HTTPS and no plain HTTP', async () => {
    await using gateway = await start();
    expect(gateway.url).toMatch(/^https:/);
    expect(await statusOf(gateway.port, {})).toBe(200);
    await expect(fetch(gateway.url.replace('https', 'http'))).rejects.toThrow('fetch failed');
  });

  it('takes no caller without a certificate of client_ca', async () => {
    await using gateway = await start(`, client_ca: "${file('caller.pem')}"`);
    const { cert, key } = readTlsIdentity({ cert: file('caller.pem'), key: file('caller.key') });
    const other = readTlsIdentity({ cert: file('two.pem'), key: file('two.key') });
    expect(await statusOf(gateway.port, { cert, key })).toBe(200);
    expect(await statusOf(gateway.port, {})).not.toBe(200);
    expect(await statusOf(gateway.port, { cert: other.cert, key: other.key })).not.toBe(200);
  });

  it('shows a renewed certificate without a restart, and keeps the old one while the new files do not fit', async () => {
    copyFileSync(file('one.pem'), file('live.pem'));
    copyFileSync(file('one.key'), file('live.key'));
    await using gateway = await start();
    const problems: string[] = [];
    const settings = { cert: file('live.pem'), key: file('live.key') };
    const listener = Promise.withResolvers<unknown>();
    const end = watchTlsFiles(
      settings,
      identity => listener.resolve(identity.cert.toString()),
      problem => problems.push(problem),
      10,
    );
    copyFileSync(file('two.pem'), file('live.pem'));
    await expect.poll(() => problems).toEqual([expect.stringContaining('make no identity')]);
    copyFileSync(file('two.key'), file('live.key'));
    expect(await listener.promise).toBe(readTlsIdentity({ cert: file('two.pem'), key: file('two.key') }).cert.toString());
    end();
    expect(await nameAt(gateway.port)).toBe('one');
  });

  it('names the file that cannot be used', () => {
    writeFileSync(file('bad.pem'), 'no certificate');
    expect(() => readTlsIdentity({ cert: file('nothing.pem'), key: file('one.key') })).toThrow(/server\.tls\.cert: .*nothing\.pem.*ENOENT/);
    expect(() => readTlsIdentity({ cert: file('bad.pem'), key: file('one.key') })).toThrow(/make no identity/);
    expect(() => readTlsIdentity({ cert: file('two.pem'), key: file('one.key') })).toThrow(/make no identity/);
  });
});
