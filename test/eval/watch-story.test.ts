/** `eval watch` over a real gateway and store: audits come in, a breach is kept and audited. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sqliteBreaches } from '../../gateway/targets/breach-store.ts';
import { openAudit } from '../../recorder/audit/ledger.ts';
import { type Gateway, Workspace } from '../hindcast.ts';
import { runInProcess } from '../in-process.ts';

const config = `
server: { port: 0 }
store: { port: 0 }
providers: { sim: { api: simulated } }
routes:
  smart: { steps: [{ target: sim/small, accept: { confidence: 0.1 } }, { target: sim/large }], audit_probability: 1 }
`;
const certificate = (maxLoss: number, issuedAt: string): string =>
  JSON.stringify({
    ...{ kind: 'hindcast-certificate', verdict: 'certified', issued_at: issuedAt, chain: 'smart', targets: ['sim/small', 'sim/large'] },
    ...{ signal: 'confidence', loss: 'harm', max_loss: maxLoss, confidence: 0.95, thresholds: [0.1] },
    baseline: { signals: [], accepted: [1], models: {} },
  });
const count = 60;
const cwd = process.cwd();
let place: Workspace;
let gateway: Gateway;
const ask = (content: string): Promise<Response> =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content }] }),
  });

beforeAll(async () => {
  place = new Workspace(config);
  gateway = await place.serve();
  process.chdir(place.folder);
  place.write('hindcast.yaml', config.replace('store: { port: 0 }', `store: { port: ${new URL(gateway.storeUrl).port} }`));
  const before = new Date(Date.now() - 60_000).toISOString();
  place.write('broken.json', certificate(0.02, before));
  place.write('kept.json', certificate(0.95, before));
  place.write('new.json', certificate(0.02, new Date(Date.now() + 3_600_000).toISOString()));
  place.write('net.json', certificate(0.02, before).replace('"harm"', '"net"'));
  // Ten at once: of many more, the gateway would leave the copies out.
  for (let i = 0; i < count; i += 10) {
    await Promise.all(Array.from({ length: 10 }, async (_, n) => (await ask(`question ${i + n}`)).arrayBuffer()));
  }
}, 60_000);
afterAll(async () => {
  process.chdir(cwd);
  await place[Symbol.asyncDispose]();
});

const watch = async (file: string) => {
  const { code, stdout, stderr } = await runInProcess('eval', 'watch', file, '--once', '--json');
  return { code, stderr, report: stdout === '' ? undefined : JSON.parse(stdout) };
};

test('what the audits show is told: a promise that holds, too little to tell, and a breach', { timeout: 90_000 }, async () => {
  await expect.poll(async () => (await watch('kept.json')).report?.labelled, { timeout: 30_000, interval: 500 }).toBeGreaterThan(40);
  const kept = await watch('kept.json');
  expect(kept).toMatchObject({ code: 0, report: { state: 'watching', route: 'smart', requests: count } });
  expect(await watch('new.json')).toMatchObject({ code: 3, report: { state: 'too_few', requests: 0, harm: null } });
  expect(await watch('net.json')).toMatchObject({ code: 2, report: undefined });
  const broken = await watch('broken.json');
  expect(broken).toMatchObject({ code: 1, report: { state: 'breach', alarm_at: expect.closeTo(20) } });
  expect(broken.report.harm).toBeGreaterThan(0.02);

  // It is kept: another look reports it again, and audits it once.
  expect(await watch('broken.json')).toMatchObject({ code: 1, report: { state: 'breach' } });
  const store = sqliteBreaches(join(place.folder, 'hindcast-data', 'state.sqlite'));
  expect(await store.all()).toMatchObject([{ route: 'smart', bound: 0.02 }]);
  await store.close();
  const ledger = openAudit(join(place.folder, 'hindcast-data'));
  expect(ledger.unshipped(1_000).filter(({ action }) => action === 'certificate-breached').length).toBeLessThanOrEqual(1);
  ledger.close();
});

test('a gateway that monitors its certificate finds the breach by itself, and accepts no early answer any more', {
  timeout: 90_000,
}, async () => {
  const target = async (): Promise<string | null> => {
    const response = await ask('what now?');
    await response.arrayBuffer();
    return response.headers.get('x-hindcast-target');
  };
  expect(await target()).toBe('sim/small');
  place.write('live.json', certificate(0.02, new Date(Date.now() - 120_000).toISOString()));
  place.write(
    'hindcast.yaml',
    `${place.read('hindcast.yaml').trimEnd().slice(0, -2)}, certificate: { file: live.json, monitor: audit, on_breach: strict } }\n`,
  );
  await expect.poll(target, { timeout: 60_000, interval: 500 }).toBe('sim/large');
  const ready = (await (await fetch(`${gateway.url}/ready`)).json()) as { readonly status: string; readonly warnings: readonly string[] };
  expect(ready).toMatchObject({
    status: 'ready',
    warnings: [expect.stringMatching(/^routes\.smart\.certificate: breached: .* thresholds are strict/)],
  });
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/^hindcast_certificate_breached\{route="smart"\} 1$/m);
  expect(gateway.output()).toContain('routes.smart.certificate: breached');
});

test('without a certificate there is nothing to watch', { timeout: 30_000 }, async () => {
  const { code, stderr } = await watch('');
  expect([code, stderr]).toEqual([2, expect.any(String)]);
});
