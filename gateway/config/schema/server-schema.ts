/** The keys of `server`: where the gateway listens, and how much it takes at once. */
import { z } from 'zod';
import { bytes, duration, list, section, text, wholeNumber } from './fields.ts';

/** A port; 0 lets the system choose. */
export const port = () => wholeNumber('a port', 0, 65535);
/** A host to listen on. */
export const hostText = () => text('a host name or address such as 127.0.0.1');

const pemFile = (what: string) => text(`a file such as ./${what}.pem`);

export const server = section('a map such as { host: 127.0.0.1, port: 4000 }', {
  host: hostText().default('127.0.0.1').describe('Host of the gateway. Any host other than loopback needs `keys`.'),
  port: port().default(4000).describe('Port of the gateway; 0 for any free port.'),
  workers: z
    .union([z.literal('auto'), wholeNumber('a number of processes', 1, 64)], {
      error: () => 'expected a number of processes from 1 to 64, or auto',
    })
    .default(1)
    .describe('Number of processes that serve requests; `auto` for one per core.'),
  backlog: wholeNumber('a number of connections', 1, 65_535)
    .default(511)
    .describe('Connections that may wait to be taken. The operating system has a limit of its own, as net.core.somaxconn of Linux.'),
  bytes_in_flight: bytes(2 ** 20, 2 ** 40)
    .prefault('512MiB')
    .describe('Decoded bytes of all bodies and answers under way in a process; a request beyond them is rejected (503 overloaded).'),
  decode_ratio_max: wholeNumber('a ratio', 1, 100_000)
    .default(100)
    .describe('How many times its encoded size a body of more than 1 MiB may have when it is decoded; a larger one is rejected (413).'),
  cors: section('a map such as { origins: ["https://app.example.com"] }', {
    origins: list('a list of origins', text('an origin such as https://app.example.com, or *'), 1_000)
      .default([])
      .describe('Sites whose pages may call, as browsers name them; `*` for all. None by default.'),
    headers: list('a list of headers', text('the name of a header, or *'), 100)
      .default([])
      .describe("Request headers that pages may send beside those of the gateway's clients; `*` for all."),
    max_age: duration(0, 86_400_000).prefault('10m').describe('How long browsers keep the permission.'),
  })
    .prefault({})
    .describe('Calls from web pages of other sites. The admin API takes none.'),
  tls: section('a map such as { cert: ./cert.pem, key: ./key.pem }', {
    cert: pemFile('cert').describe(
      'The certificate with its chain, as a PEM file relative to this file. A changed file is read within a minute.',
    ),
    key: pemFile('key').describe('Its key, as a PEM file.'),
    client_ca: pemFile('ca').optional().describe('Authorities of client certificates, as a PEM file; then every caller needs one.'),
  })
    .optional()
    .describe('Serve HTTPS instead of HTTP.'),
});
