/** nginx as a plain proxy: the machine's own, or Debian's package unpacked into a folder of the bench. */
import { execFile, spawnSync } from 'node:child_process';
import { openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { start } from '../processes.ts';
import type { Subject } from '../subjects.ts';
import { freeFolder, freePort, type InstalledRival, plainCells, runningRival } from './rival.ts';

const run = promisify(execFile);
const installMsMax = 120_000;

/** Rejects with apt's own words when it cannot be had. */
export async function installNginx(): Promise<InstalledRival> {
  const place = freeFolder('nginx');
  try {
    const binary = versionOf('nginx') === undefined ? await unpacked(place.folder) : 'nginx';
    const version = versionOf(binary);
    if (version === undefined) throw new Error('it does not start');
    return { subject: subjectIn(place.folder, binary, version), remove: place.remove };
  } catch (error) {
    place.remove();
    throw error;
  }
}

const versionOf = (binary: string): string | undefined =>
  /nginx\/(\S+)/.exec(spawnSync(binary, ['-v'], { encoding: 'utf8' }).stderr ?? '')?.[1];

async function unpacked(folder: string): Promise<string> {
  await run('apt-get', ['download', 'nginx'], { cwd: folder, timeout: installMsMax });
  const file = readdirSync(folder).find(name => name.endsWith('.deb'));
  if (file === undefined) throw new Error('apt-get downloaded nothing');
  await run('dpkg-deb', ['-x', file, folder], { cwd: folder, timeout: installMsMax });
  return join(folder, 'usr/sbin/nginx');
}

/** As it comes, with its access log; but it has to pass streams on at once and to keep its connections. */
const configOf = (folder: string, port: number, upstream: string): string => `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/log;
events { worker_connections 4096; }
http {
  access_log ${folder}/access.log;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder}/${name};`).join(' ')}
  upstream provider { server ${new URL(upstream).host}; keepalive 512; }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 64m;
    location / { proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
  }
}
`;

function subjectIn(folder: string, binary: string, version: string): Subject {
  return {
    name: 'nginx',
    what: `nginx ${version}, one worker, its access log: forwards, and records a line for each request`,
    runs: cell => plainCells.has(cell.name),
    start: async upstream => {
      const port = await freePort();
      const [config, logFile] = [join(folder, 'nginx.conf'), join(folder, 'log')];
      writeFileSync(config, configOf(folder, port, upstream));
      const started = start('subject', [binary, '-p', folder, '-c', config], folder, openSync(logFile, 'a'));
      return runningRival(started, `http://127.0.0.1:${port}`, logFile, { pathOf: cell => `/${cell.name}/v1/chat/completions` });
    },
  };
}
