import { describe, expect, test } from 'vitest';
import { isPrivateAddress, isPrivateHost, publicLookup } from '../../../gateway/transport/address-guard.ts';

/** As the upstream reads them: the URL standard turns `127.1` and `2130706433` into addresses. */
const hostOf = (url: string): string => new URL(url).hostname;

describe('an address is private', () => {
  test.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0/',
    'http://10.1.2.3/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://172.16.0.1/',
    'http://172.31.255.255/',
    'http://192.168.1.1/',
    'http://198.18.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b::169.254.169.254]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:7f00:1::]/',
    'http://[fd00::1]/',
    'http://[fe80::1]/',
    'http://[fec0::1]/',
    'http://[ff02::1]/',
    'http://localhost/',
    'http://LOCALHOST./',
    'http://metadata.localhost/',
  ])('%s', url => expect(isPrivateHost(hostOf(url))).toBe(true));

  test('with a zone, too', () => expect(isPrivateAddress('fe80::1%eth0')).toBe(true));
});

describe('an address is public', () => {
  test.each([
    'http://1.1.1.1/',
    'http://172.32.0.1/',
    'http://100.128.0.1/',
    'http://[2606:4700::1111]/',
    'http://[::ffff:8.8.8.8]/',
    'http://[64:ff9b::8.8.8.8]/',
    'http://api.example.com/',
    'http://localhost.example.com/',
    'http://notlocalhost/',
  ])('%s', url => expect(isPrivateHost(hostOf(url))).toBe(false));
});

describe('a name', () => {
  const looked = (host: string, options: { all?: boolean } = {}): Promise<unknown> =>
    new Promise(resolve => publicLookup(host, options, (error, address) => resolve(error?.code ?? address)));

  test('that leads to loopback is refused when it is looked up, so that the check and the connection see one answer', async () => {
    expect(await looked('localhost')).toBe('EPRIVATE');
    expect(await looked('localhost', { all: true })).toBe('EPRIVATE');
  });

  test('that is a public address already stays one', async () => {
    expect(await looked('1.1.1.1')).toBe('1.1.1.1');
    expect(await looked('1.1.1.1', { all: true })).toEqual([{ address: '1.1.1.1', family: 4 }]);
  });

  test('that does not resolve is reported', async () => {
    expect(await looked('no-such-name.invalid')).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
  });
});
