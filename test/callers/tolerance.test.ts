/** What vendors and servers do against the agreement, and is taken all the same; and what is refused for the network's sake. */
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { chunk, type RunningGateway, respondJson, startGateway, startUpstream, type Upstream } from '../gateway/harness.ts';

const yaml = ({ url }: Upstream, more = ''): string =>
  `providers: { o: { api: openai, base_url: "${url}", key: k, allow_private: true } }\n${more}`;
const clientOf = ({ url }: RunningGateway): OpenAI => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
const ask = { model: 'o/m', messages: [{ role: 'user' as const, content: 'hi' }] };
const answer = JSON.stringify({
  ...{ id: 'c', object: 'chat.completion', created: 1, model: 'm' },
  choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
});
const events = `${chunk({ role: 'assistant', content: 'hel' })}${chunk({ content: 'lo' })}${chunk({}, 'stop')}data: [DONE]\n\n`;

const textOf = async (client: OpenAI): Promise<string> => {
  let text = '';
  for await (const { choices } of await client.chat.completions.create({ ...ask, stream: true })) text += choices[0]?.delta.content ?? '';
  return text;
};

describe.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
  ['deflate', deflateSync],
] as const)('a response in %s, though none was asked for', (coding, compress) => {
  test('is read, whole and streamed', async () => {
    await using upstream = await startUpstream((response, { body }) => {
      const streams = (JSON.parse(body) as { stream?: boolean }).stream === true;
      response.setHeader('content-encoding', coding).setHeader('content-type', streams ? 'text/event-stream' : 'application/json');
      return response.end(compress(streams ? events : answer));
    });
    await using gateway = await startGateway(yaml(upstream));
    const client = clientOf(gateway);
    expect((await client.chat.completions.create(ask)).choices[0]!.message.content).toBe('hello');
    expect(await textOf(client)).toBe('hello');
  });
});

test('a compressed response that is broken is no answer', async () => {
  await using upstream = await startUpstream(response => response.setHeader('content-encoding', 'gzip').end('no gzip'));
  await using gateway = await startGateway(yaml(upstream));
  await expect(clientOf(gateway).chat.completions.create(ask)).rejects.toMatchObject({ status: 502, code: 'upstream_invalid_response' });
});

test.each([undefined, 'text/plain', 'application/json'])('a stream of the content type %s is a stream', async type => {
  await using upstream = await startUpstream(response => {
    if (type) response.setHeader('content-type', type);
    return response.end(events);
  });
  await using gateway = await startGateway(yaml(upstream));
  expect(await textOf(clientOf(gateway))).toBe('hello');
});

describe('content by URL', () => {
  const inside = [
    'http://169.254.169.254/latest/meta-data',
    'http://127.0.0.1:8080/x.png',
    'http://2130706433/x.png',
    'http://localhost/x.png',
    'http://[::1]/x.png',
    'https://10.1.2.3/x.png',
    'http://metadata.google.internal/computeMetadata',
    'http://[::ffff:192.168.0.1]/x',
  ];
  const picture = (url: string): object => ({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] });
  const post = async (gateway: RunningGateway, path: string, body: object): Promise<[number, string | undefined, string | undefined]> => {
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'o/m', max_tokens: 9, ...body }),
    });
    const { error } = (await response.json()) as { error?: { code: string; param: string } };
    return [response.status, error?.code, error?.param];
  };

  test('at loopback, private and metadata addresses is refused, in every format', async () => {
    await using upstream = await startUpstream(respondJson);
    await using gateway = await startGateway(yaml(upstream));
    for (const url of inside)
      expect((await post(gateway, '/v1/chat/completions', picture(url))).slice(0, 2), url).toEqual([400, 'url_not_allowed']);
    const [url] = inside as [string];
    const video = { messages: [{ role: 'user', content: [{ type: 'video_url', video_url: { url } }] }] };
    expect(await post(gateway, '/v1/chat/completions', video)).toEqual([400, 'url_not_allowed', 'messages[0].content[0].video_url.url']);
    const image = { messages: [{ role: 'user', content: [{ type: 'image', source: { type: 'url', url } }] }] };
    expect((await post(gateway, '/v1/messages', image))[1]).toBe('url_not_allowed');
    const file = { max_tokens: undefined, input: [{ role: 'user', content: [{ type: 'input_file', file_url: url }] }] };
    expect((await post(gateway, '/v1/responses', file)).slice(1)).toEqual(['url_not_allowed', 'input[0].content[0]']);
    expect(upstream.requests).toHaveLength(0);
  });

  test('elsewhere, or where the configuration allows it, passes', async () => {
    await using upstream = await startUpstream(respondJson);
    await using gateway = await startGateway(yaml(upstream, 'routing: { content_urls: { allow: ["10.1.2.3", "127.0.0.1:8080"] } }'));
    for (const url of ['https://example.com/x.png', 'https://10.1.2.3/x.png', 'http://127.0.0.1:8080/x.png'])
      expect((await post(gateway, '/v1/chat/completions', picture(url)))[0], url).toBe(200);
    expect((await post(gateway, '/v1/chat/completions', picture('http://127.0.0.1:9/x.png')))[1]).toBe('url_not_allowed');
  });
});
