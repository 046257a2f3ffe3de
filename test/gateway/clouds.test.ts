/** Clouds over real sockets: what an OpenAI client gets of a signed call and its binary stream, of a deployment, of a token. */
import { describe, expect, test, vi } from 'vitest';
import { awsBytes } from '../providers/aws-bytes.ts';
import { startGateway, startUpstream } from './harness.ts';

const ask = (url: string, body: object): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
const messages = [{ role: 'user', content: 'hi' }];

describe('Bedrock', () => {
  const events = [
    { event: 'messageStart', data: '{"role":"assistant"}' },
    { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"Hel"}}' },
    { event: 'contentBlockDelta', data: '{"contentBlockIndex":0,"delta":{"text":"lo."}}' },
    { event: 'messageStop', data: '{"stopReason":"end_turn"}' },
    { event: 'metadata', data: '{"usage":{"inputTokens":5,"outputTokens":2,"totalTokens":7}}' },
  ];
  const config = (url: string): string => `providers:
  aws: { api: bedrock, region: eu-west-1, access_key_id: AKIAEXAMPLE, secret_access_key: s3cret+/=, session_token: tok, base_url: ${url}, allow_private: true }`;

  test('is called with a signature, and its stream becomes one of chat completions, wherever it is cut', async () => {
    const paths: (string | undefined)[] = [];
    await using server = await startUpstream(async (response, _, request) => {
      paths.push(request.url);
      response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream', 'x-amzn-requestid': 'req-1' });
      for (const byte of awsBytes(events)) response.write(Buffer.from([byte]));
      response.end();
    });
    await using gateway = await startGateway(config(server.url));
    const answer = await ask(gateway.url, { model: 'aws/us.amazon.nova-pro-v1:0', messages, stream: true });
    const chunks = (await answer.text()).split('\n\n').filter(line => line.startsWith('data: {'));
    const read = chunks.map(line => JSON.parse(line.slice(6)));
    expect(read.map(chunk => chunk.choices[0]?.delta?.content ?? '').join('')).toBe('Hello.');
    expect(read.every(chunk => chunk.id !== '' && chunk.model === 'us.amazon.nova-pro-v1:0')).toBe(true);
    expect(paths).toEqual(['/v1/model/us.amazon.nova-pro-v1%3A0/converse-stream']);
    expect(server.requests[0]!.headers).toMatchObject({
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE\/\d{8}\/eu-west-1\/bedrock\/aws4_request, SignedHeaders=content-type;host;/,
      ),
      'x-amz-security-token': 'tok',
    });
    const [attempt] = (await gateway.sink.next()).attempts;
    expect(attempt).toMatchObject({ outcome: 'ok', usage: { input: 5, output: 2 }, providerRequestId: 'req-1', flags: [] });
  });

  test('whose stream arrives changed is not believed', async () => {
    await using server = await startUpstream(response => {
      const bytes = Buffer.from(awsBytes(events));
      bytes[bytes.length - 100]! ^= 1;
      response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
      response.end(bytes);
    });
    await using gateway = await startGateway(config(server.url));
    const answer = await ask(gateway.url, { model: 'aws/amazon.nova-lite-v1:0', messages });
    // A caller who did not ask for a stream gets an answer that was none.
    expect(answer.status).toBe(502);
  });
});

test('Azure is asked for a deployment, with its version and its own header', async () => {
  const paths: (string | undefined)[] = [];
  await using server = await startUpstream((response, _, request) => {
    paths.push(request.url);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      '{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o-2024-11-20","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}]}',
    );
  });
  await using gateway = await startGateway(`providers: { az: { api: azure, key: k, base_url: "${server.url}", allow_private: true } }`);
  const answer = await ask(gateway.url, { model: 'az/my-4o', messages });
  expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'Hello.' } }] });
  expect(paths).toEqual(['/v1/openai/deployments/my-4o/chat/completions?api-version=2024-10-21']);
  expect(server.requests[0]!.headers['api-key']).toBe('k');
});

test('Vertex is asked with a token', async () => {
  await using server = await startUpstream(response => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"candidates":[{"content":{"parts":[{"text":"Hello."}]},"finishReason":"STOP"}],"modelVersion":"gemini-3-pro"}');
  });
  await using gateway = await startGateway(
    `providers: { v: { api: vertex, key: ya29.x, base_url: "${server.url}", project: p, allow_private: true } }`,
  );
  const answer = await ask(gateway.url, { model: 'v/gemini-3-pro', messages });
  expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'Hello.' } }] });
  expect(server.requests[0]!.headers.authorization).toBe('Bearer ya29.x');
});

test("Vertex is asked with the token of the machine's own account, which is asked for once", async () => {
  const requested: unknown[] = [];
  let mood: 'good' | 'bad' = 'bad';
  await using machine = await startUpstream((response, _, { url, headers, method }) => {
    requested.push([method, url, headers['metadata-flavor']]);
    response.writeHead(mood === 'good' ? 200 : 403, { 'content-type': 'application/json' });
    response.end(mood === 'good' ? '{"access_token":"ya29.machine","expires_in":3599,"token_type":"Bearer"}' : '{"error":"no scope"}');
  });
  await using server = await startUpstream(response => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end('{"candidates":[{"content":{"parts":[{"text":"Hello."}]},"finishReason":"STOP"}],"modelVersion":"gemini-3-pro"}');
  });
  vi.stubEnv('GCE_METADATA_HOST', new URL(machine.url).host);
  try {
    await using gateway = await startGateway(
      `providers: { v: { api: vertex, key: metadata, base_url: "${server.url}", project: p, allow_private: true } }
routes: { r: { steps: [{ target: v/gemini-3-pro, retries: 0 }] }, s: { steps: [{ target: v/gemini-3-flash, retries: 0 }] } }`,
    );
    const refused = await ask(gateway.url, { model: 's', messages });
    expect(refused.status).toBe(502);
    expect(await refused.json()).toMatchObject({ error: { code: 'upstream_authentication' } });
    expect(server.requests).toHaveLength(0);
    mood = 'good';
    requested.length = 0;
    await using another = await startGateway(
      `providers: { v: { api: vertex, key: metadata, base_url: "${server.url}", project: p, allow_private: true } }`,
    );
    const answers = await Promise.all([1, 2].map(() => ask(another.url, { model: 'v/gemini-3-pro', messages })));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await ask(another.url, { model: 'v/gemini-3-pro', messages })).status).toBe(200);
    expect(requested).toEqual([['GET', '/computeMetadata/v1/instance/service-accounts/default/token', 'Google']]);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(Array.from({ length: 3 }, () => 'Bearer ya29.machine'));
  } finally {
    vi.unstubAllEnvs();
  }
});
