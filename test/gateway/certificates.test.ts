/** Certificates of routes are checked against the route and the last check of its traffic wherever a configuration is loaded. */
import { expect, test } from 'vitest';
import { certificateWarnings } from '../../gateway/config/checks/certificates.ts';
import { loadConfig } from '../../gateway/config/index.ts';
import { Workspace } from '../hindcast.ts';

const yaml = (threshold: number, strong = 'sim/large'): string => `
providers: { sim: { api: simulated } }
routes:
  smart: { steps: [{ target: sim/small, accept: { confidence: ${threshold} } }, { target: ${strong} }], certificate: certificate.json }
`;
const day = 86_400_000;
const issued = Date.parse('2026-11-01T00:00:00Z');
const certificate = (more: object = {}): string =>
  JSON.stringify({
    ...{ kind: 'hindcast-certificate', verdict: 'certified', issued_at: new Date(issued).toISOString() },
    ...{ targets: ['sim/small', 'sim/large'], thresholds: [0.7] },
    ...more,
  });

async function warningsOf(config: string, file: string | undefined, now = issued + day): Promise<readonly string[]> {
  await using place = new Workspace(config);
  if (file !== undefined) place.write('certificate.json', file);
  const loaded = loadConfig({ directory: place.folder, environment: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return certificateWarnings(loaded.settings, now);
}

test('a valid certificate gives no warning', async () => {
  expect(await warningsOf(yaml(0.7), certificate())).toEqual([]);
});

test.each([
  ['another threshold', yaml(0.6), certificate(), 'expired: the route accepts at 0.6, the certificate is for 0.7'],
  [
    'another target',
    yaml(0.7, 'sim/huge'),
    certificate(),
    "expired: the route's targets are sim/small, sim/huge, the certificate is for sim/small, sim/large",
  ],
  [
    'a change of model or traffic that was found',
    yaml(0.7),
    certificate({ checked: { at: '2026-11-01T12:00:00Z', verdict: 'expired', reasons: ['sim/small is answered by v2 now'] } }),
    'expired: sim/small is answered by v2 now',
  ],
  [
    'a drift',
    yaml(0.7),
    certificate({ checked: { at: '2026-11-01T12:00:00Z', verdict: 'drifting', reasons: ['PSI 0.150 > 0.1'] } }),
    'drifting: PSI 0.150 > 0.1',
  ],
  [
    'a promise that cannot be watched',
    yaml(0.7).replace('certificate: certificate.json', 'audit_probability: 0.1, certificate: { file: certificate.json, monitor: audit }'),
    certificate({ loss: 'net' }),
    'it bounds the net loss and audits watch harm alone',
  ],
  ['a file that is no certificate', yaml(0.7), '{}', 'is not a granted certificate'],
  ['one that was refused', yaml(0.7), certificate({ verdict: 'inconclusive' }), 'is not a granted certificate'],
  ['no file', yaml(0.7), undefined, 'cannot be read: ENOENT'],
])('%s is a warning that names the route', async (_, config, file, sent) => {
  const warnings = await warningsOf(config, file);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('routes.smart.certificate: ');
  expect(warnings[0]).toContain(sent);
});

test('a certificate without a check for a month gives a warning', async () => {
  expect((await warningsOf(yaml(0.7), certificate(), issued + 31 * day))[0]).toContain('not checked for 31 days');
});

test('config check prints the warning, and the configuration stays valid', { timeout: 60_000 }, async () => {
  await using place = new Workspace(`server: { port: 0 }\nstore: { port: 0 }\n${yaml(0.6)}`);
  place.write('certificate.json', certificate());
  const checked = await place.run('config', 'check');
  expect([checked.code, checked.stdout]).toEqual([0, expect.stringContaining('Warning: routes.smart.certificate: expired')]);
});
