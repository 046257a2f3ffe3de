/** Whom the gateway turns away is counted by tenant and code. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hi, post, startGateway } from './harness.ts';

test('refusals are counted by tenant and code, without a tenant for an unknown key', async () => {
  const hash = createHash('sha256').update('key-one').digest('hex');
  await using gateway = await startGateway(`
providers: { sim: { api: simulated } }
routes: { m-fast: sim/small, m-other: sim/large }
telemetry: { metrics: open }
tenants: { t: { routes: [m-fast] } }
keys: [{ name: k1, hash: "sha256:${hash}", tenant: t }]`);
  await post(gateway.url, hi, { authorization: 'Bearer nobody' });
  await post(gateway.url, { ...hi, model: 'm-other' }, { authorization: 'Bearer key-one' });
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  expect(metrics).toContain('hindcast_refusals_total{tenant="t",code="model_not_allowed"} 1');
  expect(metrics).toContain('hindcast_refusals_total{tenant="",code="invalid_api_key"} 1');
});
