/** Builds dist/: the sources as JavaScript, and the files that they read at runtime. */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const assets = ['{statistics,gateway,recorder,replay,eval,dashboards}/**/*.{sql,json,yaml,promql,xml,html,css}'];
const exclude = ['dashboards/console/**'];

rmSync(join(root, 'dist'), { recursive: true, force: true });
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
execFileSync(process.execPath, [join(root, 'scripts/build-console.ts')], { cwd: root, stdio: 'inherit' });
for (const file of globSync(assets, { cwd: root, exclude })) cpSync(join(root, file), join(root, 'dist', file));
cpSync(join(root, 'dashboards/console/dist'), join(root, 'dist/dashboards/console/dist'), { recursive: true });
