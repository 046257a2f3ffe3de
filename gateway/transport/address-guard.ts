/** The guard of every outbound connection: no call reaches a loopback or private address unless the operator allowed it. */

import { lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

const privateRanges = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  privateRanges.addSubnet(net, bits, 'ipv4');
}
for (const [net, bits] of [
  // IPv4 in other clothes: compatible, translated (RFC 8215), Teredo and 6to4 addresses lead to whatever IPv4 address they hold.
  ['::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['100::', 64],
  ['2001:db8::', 32],
  ['fc00::', 7],
  ['fe80::', 9],
  ['ff00::', 8],
] as const) {
  privateRanges.addSubnet(net, bits, 'ipv6');
}

/** In networks without IPv4 every public IPv4 host is reached under this prefix, so its last 32 bits decide. */
const translated = /^64:ff9b::/i;

/** IPv4 addresses written as IPv6 (`::ffff:127.0.0.1`, `::ffff:7f00:1`) are checked as what they are. */
export function isPrivateAddress(address: string): boolean {
  const bare = address.split('%', 1)[0]!;
  const family = isIP(bare);
  if (family === 0) return false;
  const mapped = family === 6 ? bare.replace(translated, '::ffff:') : bare;
  return privateRanges.check(mapped, family === 6 ? 'ipv6' : 'ipv4');
}

/** A host name that is itself such an address, brackets or not, or that never means another machine. */
export const isPrivateHost = (host: string): boolean =>
  isPrivateAddress(host.replace(/^\[|\]$/g, '')) || /^(?:[^.]+\.)*localhost\.?$/i.test(host);

/** dns.lookup that fails when any address of the name is private: the check and the connection see the same answer. */
export const publicLookup: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0);
    const bad = addresses.find(({ address }) => isPrivateAddress(address));
    if (bad) return callback(Object.assign(new Error(`${host} resolves to a private address`), { code: 'EPRIVATE' }), '', 0);
    if (options.all) return callback(null, addresses);
    const [first] = addresses;
    return callback(null, first?.address ?? '', first?.family);
  });
};
