/** A response that the target stores is fetched and deleted by its id, at the account that holds it. */
import OpenAI from 'openai';
import { expect, test } from 'vitest';
import { startGateway, startUpstream } from '../gateway/harness.ts';

const stored = {
  ...{ id: 'resp_68af', object: 'response', created_at: 1, status: 'completed', model: 'gpt-5' },
  output: [
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'hello', annotations: [] }],
    },
  ],
  usage: { input_tokens: 1_000, output_tokens: 1_000, total_tokens: 2_000 },
};

test('it is found at its account, costs nothing again, and is gone after its deletion', async () => {
  const calls: string[] = [];
  const account = (name: string) =>
    startUpstream((response, _, { method, url }) => {
      calls.push(`${name} ${method} ${url}`);
      const body = method === 'DELETE' ? { id: stored.id, object: 'response', deleted: true } : stored;
      return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  await using first = await account('a');
  await using second = await account('b');
  await using gateway = await startGateway(`
providers:
  a: { api: openai-responses, base_url: "${first.url}", key: k, allow_private: true }
  b: { api: openai-responses, base_url: "${second.url}", key: k, allow_private: true }
`);
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 });
  const { id } = await client.responses.create({ model: 'b/gpt-5', input: 'hi' });
  await gateway.sink.next();
  expect((await client.responses.retrieve(id)).output_text).toBe('hello');
  const fetched = await gateway.sink.next();
  expect([fetched.operation, fetched.attempts[0]!.usage]).toEqual(['responses', undefined]);
  await client.responses.delete(id);
  expect(calls).toEqual(['b POST /v1/responses', `b GET /v1/responses/${id}`, `b DELETE /v1/responses/${id}`]);
  // Nobody holds it now, and there are two accounts.
  await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 400, code: 'provider_required' });
  await client.responses.create({ model: 'a/gpt-5', input: 'hi', store: false });
  await expect(client.responses.retrieve(id)).rejects.toMatchObject({ code: 'provider_required' });
});
