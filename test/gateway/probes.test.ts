/** Active health probes over real sockets: what they find before a caller does, and what they never do. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { hi, post, type RunningGateway, settingsOf, startGateway } from './harness.ts';

interface Provider extends AsyncDisposable {
  readonly url: string;
  /** The status of GET responses; 0 destroys the connection. */
  status: number;
  readonly probes: { readonly path: string; readonly key: string | undefined }[];
  readonly calls: string[];
  /** Resolves when so many probes have arrived. */
  probed(count: number): Promise<void>;
}

async function provider(): Promise<Provider> {
  const waiting: (() => void)[] = [];
  const state = { status: 200, probes: [] as Provider['probes'][number][], calls: [] as string[] };
  const server: Server = createServer((request, response) => {
    if (request.method === 'GET') {
      state.probes.push({ path: request.url!, key: request.headers.authorization });
      for (const wake of waiting.splice(0)) wake();
      if (state.status === 0) request.socket.destroy();
      else response.writeHead(state.status).end('{"data":[]}');
      return;
    }
    state.calls.push(request.url!);
    if (state.status !== 200) return void response.writeHead(state.status || 500).end('{}');
    const message = { role: 'assistant', content: 'hello' };
    const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({
        id: 'c',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices: [{ index: 0, message, finish_reason: 'stop' }],
        usage,
      }),
    );
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    probed: async (count: number) => {
      while (state.probes.length < count) await new Promise<void>(resolve => waiting.push(resolve));
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise(resolve => server.close(resolve));
    },
  });
}

const yaml = (url: string, more = ''): string => `providers:
  a: { api: openai, key: sk-probe-0123456789, base_url: "${url}", allow_private: true, probe: { every: 1s, timeout: 1s${more} } }
  s: { api: simulated }
routes: { r: [a/m, s/small] }
`;
interface FleetPage {
  readonly targets: readonly { readonly target: string; readonly state: string; readonly outcomes: object }[];
  readonly probes: readonly { readonly provider: string; readonly outcome: string }[];
  readonly keys: readonly object[];
}
const fleetOf = async ({ url }: RunningGateway): Promise<FleetPage> => (await (await fetch(`${url}/admin/fleet`)).json()) as FleetPage;
/** The /metrics page as soon as it contains this; each read follows a probe, so it ends. */
async function until(gateway: RunningGateway, { probed, probes }: Provider, shows: (page: FleetPage) => boolean): Promise<FleetPage> {
  for (let look = 0; look < 12; look++) {
    const page = await fleetOf(gateway);
    if (shows(page)) return page;
    await probed(probes.length + 1);
    await new Promise(resolve => setImmediate(resolve));
  }
  throw new Error(`not seen: ${JSON.stringify(await fleetOf(gateway))}`);
}
const stateOf = (page: FleetPage): string | undefined => page.targets.find(({ target }) => target === 'a/m')?.state;

test.concurrent('an outage is found before the first caller, and a recovered provider gets the next request', async () => {
  await using dead = await provider();
  dead.status = 0;
  await using gateway = await startGateway(yaml(dead.url));
  const page = await until(gateway, dead, seen => stateOf(seen) === 'open');
  expect(page.probes).toMatchObject([{ provider: 'a', outcome: 'dead' }]);
  expect(page.targets[0]!.outcomes, 'no caller had anything of it').toEqual({});
  const answered = await post(gateway.url, { ...hi, model: 'r' });
  expect(answered.headers.get('x-hindcast-target')).toBe('s/small');
  expect(dead.calls).toEqual([]);
  expect(gateway.sink.exchanges[0]!.attempts.map(({ target }) => target)).toEqual(['s/small']);

  dead.status = 200;
  await until(gateway, dead, seen => stateOf(seen) === 'probing');
  expect((await post(gateway.url, { ...hi, model: 'r' })).headers.get('x-hindcast-target')).toBe('a/m');
  expect(dead.probes[0]).toEqual({ path: '/models', key: 'Bearer sk-probe-0123456789' });
  expect(gateway.sink.exchanges, 'probes are not among the records').toHaveLength(2);
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).toMatch(/hindcast_probes_total\{provider="a",outcome="dead"\} [5-9]/);
});

test.concurrent('a provider that responds to callers is not probed, and a custom path is used', async () => {
  await using live = await provider();
  await using gateway = await startGateway(yaml(live.url, ', path: /health'));
  await live.probed(1);
  expect(live.probes[0]!.path).toBe('/health');
  expect((await fleetOf(gateway)).probes[0]?.outcome ?? 'alive').toBe('alive');
  // A second provider that nobody calls tells by its probes that two intervals have passed.
  await using unused = await provider();
  await using clock = await startGateway(yaml(unused.url));
  const probesBefore = live.probes.length;
  const passed = unused.probed(3).then(() => true);
  while (!(await Promise.race([passed, post(gateway.url, { ...hi, model: 'r' }).then(() => false)])));
  expect(clock.sink.exchanges).toEqual([]);
  expect(live.probes.length - probesBefore).toBeLessThanOrEqual(1);
});

test.concurrent('a rejected key cools down, and differs from a dead provider', async () => {
  await using refusing = await provider();
  refusing.status = 401;
  await using gateway = await startGateway(yaml(refusing.url));
  const page = await until(gateway, refusing, seen => seen.keys.length > 0);
  expect(page.probes).toMatchObject([{ outcome: 'refused' }]);
  expect(stateOf(page)).toBeUndefined();
  expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('hindcast_keys_resting{provider="a"} 1');
});

test.concurrent('no probe is sent after the end, nor after a configuration without it', async () => {
  await using one = await provider();
  const gateway = await startGateway(yaml(one.url));
  await one.probed(1);
  gateway.gateway.configure(settingsOf(`server: { port: 0 }\nproviders: { s: { api: simulated } }`));
  const probesBefore = one.probes.length;
  await new Promise(resolve => setTimeout(resolve, 1_500));
  expect(one.probes.length).toBe(probesBefore);
  await gateway[Symbol.asyncDispose]();
});

test.concurrent('only a provider with a free request may be probed, and only on a valid path', () => {
  expect(() => settingsOf('providers: { a: { api: openai, key: k-0123456789, probe: { path: health } } }')).toThrow(
    /probe\.path.*a path such as \/health/,
  );
  expect(() =>
    settingsOf('providers: { b: { api: bedrock, access_key_id: a, secret_access_key: b, region: us-east-1, probe: {} } }'),
  ).toThrow(/providers\.b\.probe.*api bedrock has no free request to probe with; remove probe/);
});
