/** Renders the Helm chart into deploy/manifests, for clusters without Helm. `--check` only compares; exit code 1 for a difference. Needs `helm`. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const deploy = join(import.meta.dirname, '../deploy');
const values = join(deploy, 'helm/sidecar-values.yaml');

/** File name in deploy/manifests -> arguments of `helm template`. */
export const manifests: Readonly<Record<string, readonly string[]>> = {
  'gateway-keda.yaml': [],
  'gateway-hpa.yaml': ['--set', 'autoscaling.type=hpa'],
  'sidecar.yaml': ['--values', values],
};

/** What `helm template` prints for one manifest. Throws with helm's own message. */
export function render(options: readonly string[], helm = 'helm'): string {
  const chart = join(deploy, 'helm/hindcast');
  const text = execFileSync(helm, ['template', 'hindcast', chart, '--kube-version', '1.31.0', ...options], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return `# Rendered from deploy/helm/hindcast by \`node scripts/render-chart.ts\`. Change the chart, not this file.\n${text}`;
}

if (import.meta.main) {
  const check = process.argv.includes('--check');
  for (const [name, options] of Object.entries(manifests)) {
    const file = join(deploy, 'manifests', name);
    const text = render(options, process.env.HELM ?? 'helm');
    if (!check) writeFileSync(file, text);
    else if (readFileSync(file, 'utf8') !== text) {
      console.error(`${file} differs from its chart: run node scripts/render-chart.ts`);
      process.exitCode = 1;
    }
  }
}
