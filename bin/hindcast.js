#!/usr/bin/env node
// Starts the command line: from the sources in a clone, from the built files in an installed package.
// An older Node on the machine does no harm where the package `node` is installed beside us: it is started instead.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const nodeMin = 24;
const at = path => fileURLToPath(new URL(path, import.meta.url));
const entry = existsSync(at('../main.ts')) ? '../main.ts' : '../dist/main.js';

if (Number(process.versions.node.split('.')[0]) >= nodeMin) {
  await import(new URL(entry, import.meta.url).href);
} else {
  const newer = at('../node_modules/node/bin/node');
  if (!existsSync(newer)) {
    console.error(`hindcast needs Node ${nodeMin} or newer; this is ${process.versions.node}.`);
    process.exit(2);
  }
  const child = spawn(newer, [at(entry), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}
