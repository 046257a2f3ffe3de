/** A replay's trace links to the original trace, over real processes. */
import { expect, test } from 'vitest';
import { attributeOf, startOtlpReceiver } from '../gateway/observability/receiver.ts';
import { Workspace } from '../hindcast.ts';
import { engineMissing } from '../recorder/running-engine.ts';

test.skipIf(engineMissing)(
  `a run's spans lead to the spans of the requests that it asks again${engineMissing}`,
  { timeout: 120_000 },
  async () => {
    await using otlp = await startOtlpReceiver();
    await using place = new Workspace(`server: { port: 0 }
store: { port: 0 }
telemetry: { otlp: "${otlp.url}" }
providers: { sim: { api: simulated } }
`);
    const gateway = await place.serve();
    const requested = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'sim/small:ttft=1:tps=100000', messages: [{ role: 'user', content: 'hello' }] }),
    });
    await requested.text();
    const id = requested.headers.get('x-hindcast-id');
    const count = async () => Number(await (await fetch(`${gateway.storeUrl}/?query=SELECT%20count()%20FROM%20requests`)).text());
    await gateway.flush();
    await expect.poll(count, { timeout: 20_000 }).toBe(1);
    const run = await place.run('replay', 'run', '--since', '1h', '--against', 'sim/large:ttft=1:tps=100000');
    expect([run.code, run.stderr]).toEqual([0, expect.anything()]);
    expect(await gateway.end('SIGTERM')).toBe(0);
    const server = otlp.spans.find(span => span.kind === 2)!;
    const replay = otlp.spans.find(span => span.name.startsWith('replay '))!;
    expect(attributeOf(replay, 'hindcast.replay.of')).toBe(id);
    expect(replay.links).toMatchObject([{ traceId: server.traceId, spanId: server.spanId }]);
    expect(replay.traceId).not.toBe(server.traceId);
  },
);
