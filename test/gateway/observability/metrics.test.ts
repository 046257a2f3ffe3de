import { expect, test } from 'vitest';
import { createLog, requestLine } from '../../../gateway/observability/logs.ts';
import { chunk, hi, post, respondAsRequested, respondStream, settingsOf, startGateway, startUpstream, twoProviders } from '../harness.ts';

type Series = Readonly<Record<string, number>>;

async function scrape(url: string): Promise<Series> {
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toContain('version=0.0.4');
  const lines = (await response.text()).split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

test('requests, attempts, tokens and durations are counted under the names that dashboards know', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  await post(gateway.url, hi);
  await (await post(gateway.url, { ...hi, stream: true })).text();
  await post(gateway.url, { ...hi, model: 'B/direct' });
  await post(gateway.url, { ...hi, model: 'none' });
  const series = await scrape(gateway.url);
  const labels = 'gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="fast",gen_ai_response_model="served-1"';
  expect(series).toMatchObject({
    'hindcast_requests_total{route="m-fast",outcome="ok"}': 2,
    'hindcast_requests_total{route="direct",outcome="ok"}': 1,
    'hindcast_attempts_total{provider="A",model="fast",kind="primary",outcome="ok"}': 2,
    'hindcast_refused_total{code="model_not_found"}': 1,
    'hindcast_tokens_total{type="input"}': 15,
    'hindcast_tokens_total{type="output"}': 6,
    [`gen_ai_client_operation_duration_seconds_count{${labels}}`]: 2,
    [`gen_ai_client_operation_time_to_first_chunk_seconds_count{${labels}}`]: 1,
    'hindcast_prompt_cache_attempts_total{provider="A",model="fast",result="miss"}': 2,
    [`gen_ai_client_token_usage_sum{${labels},gen_ai_token_type="input"}`]: 10,
    'gen_ai_server_request_duration_seconds_count{gen_ai_operation_name="chat",gen_ai_request_model="m-fast"}': 2,
    'gen_ai_server_time_to_first_token_seconds_count{gen_ai_operation_name="chat",gen_ai_request_model="m-fast"}': 2,
    hindcast_overhead_seconds_count: 3,
    hindcast_recorder_dropped_total: 0,
    hindcast_recorder_refusing: 0,
    hindcast_inflight_requests: 1,
  });
  expect(series.hindcast_overhead_seconds_sum).toBeGreaterThan(0);
  expect(Object.keys(series).some(name => name.startsWith('hindcast_build_info{version="'))).toBe(true);
});

test('cost is counted where the price is known, and what has none is counted too', async () => {
  await using provider = await startUpstream(respondAsRequested);
  const prices = 'prices: { A/fast: { input: 2, output: 10 } }\n';
  await using gateway = await startGateway(prices + twoProviders(provider.url, provider.url));
  const response = await post(gateway.url, hi);
  expect(response.headers.get('x-hindcast-cost-usd')).toBe('0.000030000');
  await post(gateway.url, { ...hi, model: 'm-cheap' });
  const series = await scrape(gateway.url);
  expect(series['hindcast_cost_usd_total{provider="A",model="fast"}']).toBeCloseTo(0.00003, 12);
  expect(series['hindcast_unpriced_attempts_total{provider="A",model="cheap"}']).toBe(1);
});

test('names that callers invent do not become series without end', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  for (let i = 0; i < 230; i += 10) {
    await Promise.all(
      Array.from({ length: 10 }, (_, j) => post(gateway.url, { ...hi, model: `A/m${i + j}` }).then(answer => answer.text())),
    );
  }
  const series = await scrape(gateway.url);
  const attempts = Object.entries(series).filter(([name]) => name.startsWith('hindcast_attempts_total'));
  expect(attempts.length).toBeLessThanOrEqual(201);
  expect(attempts.reduce((sum, [, count]) => sum + count, 0)).toBe(230);
  expect(series['hindcast_attempts_total{provider="A",model="other",kind="primary",outcome="ok"}']).toBeGreaterThan(20);
});

test('a cut stream counts as interrupted, and a reload shows', async () => {
  await using provider = await startUpstream(response => {
    response.setHeader('content-type', 'text/event-stream').write(chunk({ content: 'hel' }));
    setTimeout(() => response.destroy(), 20);
  });
  const yaml = twoProviders(provider.url, provider.url);
  await using gateway = await startGateway(yaml);
  await (await post(gateway.url, { ...hi, stream: true })).text();
  const next = settingsOf(`server: { port: 0 }\n${yaml}  more: A/more\n`);
  gateway.gateway.configure(next);
  gateway.gateway.configurationRefused();
  expect(await scrape(gateway.url)).toMatchObject({
    'hindcast_stream_interrupted_total{route="m-fast"}': 1,
    'hindcast_requests_total{route="m-fast",outcome="truncated"}': 1,
    [`hindcast_config_info{hash="${next.hash}"}`]: 1,
    hindcast_config_reloads_total: 1,
    hindcast_config_reload_failures_total: 1,
  });
});

test('running requests show as in flight', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using provider = await startUpstream(respondStream(['hel', 'lo'], () => promise));
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  const response = await post(gateway.url, { ...hi, stream: true });
  expect((await scrape(gateway.url)).hindcast_inflight_requests).toBe(2);
  resolve();
  await response.text();
  await expect.poll(async () => (await scrape(gateway.url)).hindcast_inflight_requests).toBe(1);
});

test('a request is one line of the log, in JSON or for a terminal, and holds no word of it', async () => {
  const lines: Record<'json' | 'terminal', string[]> = { json: [], terminal: [] };
  const json = createLog({ level: 'info', isTerminal: false, write: line => lines.json.push(line) });
  const terminal = createLog({ level: 'info', isTerminal: true, write: line => lines.terminal.push(line) });
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url), { log: json });
  await post(gateway.url, hi, { authorization: 'Bearer sk-caller-secret' });
  const exchange = await gateway.sink.next();
  terminal.info(requestLine(exchange), { id: exchange.id });
  terminal.warn('a\u001b[31m line\r\nand\u0007 more');
  expect(Object.keys(JSON.parse(lines.json[0]!))).toEqual(['level', 'time', 'id', 'msg']);
  expect(JSON.parse(lines.json[0]!)).toMatchObject({
    level: 'info',
    id: exchange.id,
    msg: expect.stringMatching(/^200 ok m-fast → A\/fast \d+ ms, 5\+2 tokens$/),
  });
  expect(lines.terminal[0]).toMatch(/^\d\d:\d\d:\d\d {3}200 ok m-fast → A\/fast .*id=/);
  expect(lines.terminal[1]).not.toMatch(/\u001b|\r|\u0007/);
  expect([...lines.json, ...lines.terminal].join('')).not.toMatch(/sk-|"hi"|hello/);
});

test('who takes OpenMetrics gets exemplars that lead to a trace, and the same names', async () => {
  await using provider = await startUpstream(respondAsRequested);
  await using gateway = await startGateway(twoProviders(provider.url, provider.url));
  await post(gateway.url, hi);
  const { trace } = await gateway.sink.next();
  const scrape = async (accept: string) => {
    const response = await fetch(`${gateway.url}/metrics`, { headers: { accept } });
    return { type: response.headers.get('content-type'), text: await response.text() };
  };
  const open = await scrape('application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5');
  expect(open.type).toContain('application/openmetrics-text');
  expect(open.text).toMatch(new RegExp(`^gen_ai_server_request_duration_seconds_bucket.* # \\{trace_id="${trace.traceId}"\\} `, 'm'));
  expect(open.text).toMatch(/# EOF\n$/);
  const plain = await scrape('text/plain');
  expect(plain.type).toContain('text/plain');
  expect(plain.text).not.toMatch(/trace_id|# EOF/);
  for (const { text } of [open, plain]) expect(text).toMatch(/^hindcast_requests_total\{.*\} 1$/m);
  expect(plain.text).toMatch(/^# TYPE hindcast_requests_total counter$/m);
});
