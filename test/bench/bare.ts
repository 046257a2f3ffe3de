/** The yardstick: the shortest proxy that Node's own modules make. It looks at nothing and keeps nothing. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

const upstream = new URL(process.argv[2]!);
const agent = new http.Agent({ keepAlive: true, maxSockets: 1024, maxFreeSockets: 1024 });

const server = http.createServer((request, response) => {
  const { host: _, connection: __, ...headers } = request.headers;
  const { hostname, port } = upstream;
  const call = http.request({ hostname, port, method: request.method, path: request.url, headers, agent }, answer => {
    const { connection: _, 'keep-alive': __, ...headers } = answer.headers;
    response.writeHead(answer.statusCode!, headers);
    answer.pipe(response);
  });
  call.on('error', () => {
    if (!response.headersSent) response.writeHead(502);
    response.end();
  });
  response.on('close', () => {
    if (!response.writableFinished) call.destroy();
  });
  request.pipe(call);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`));
// An orderly end, so that a profile of it can be written.
process.once('SIGTERM', () => process.exit());
