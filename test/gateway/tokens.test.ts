/** Tokens are counted in the model's own encoding, away from the requests, in bounded time. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, test, vi } from 'vitest';
import type { Part } from '../../gateway/core/chat/chat.ts';
import { isObject, type Json } from '../../gateway/core/chat/json.ts';
import { estimatePromptTokens } from '../../gateway/core/money/token-estimate.ts';
import { openaiChat } from '../../gateway/dialects/openai.ts';
import { openai } from '../../gateway/providers/openai.ts';
import { countTexts } from '../../gateway/tokens/count.ts';
import { createTokenCounter } from '../../gateway/tokens/counter.ts';
import { estimateUsage } from '../../gateway/tokens/estimate-usage.ts';
import { recordedRows, recording, unlessRecorded } from '../recordings.ts';
import { startGateway } from './harness.ts';

const prose = 'The quick brown fox — naïve, they say — jumps over 13 lazy dogs. Съешь ещё этих мягких булок. ';

describe('a count', () => {
  test('is the encoding’s own', () => {
    expect(countTexts(o200k, [prose, prose.repeat(50)])).toBe(o200k(prose) + o200k(prose.repeat(50)));
    expect(countTexts(o200k, ['<|endoftext|>'])).toBeGreaterThan(1); // as text, not as a command
  });

  test('of text without breaks takes no longer than of other text', () => {
    const begun = performance.now();
    expect(countTexts(o200k, ['a'.repeat(100_000)])).toBeGreaterThan(1_000);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test('of a very long text is extrapolated from its beginning', () => {
    const long = prose.repeat(10_000);
    expect(countTexts(cl100k, [long]) / (cl100k(prose) * 10_000)).toBeCloseTo(1, 1);
  });
});

describe('the thread that counts', () => {
  test('counts each group in the requested encoding', async () => {
    const counter = createTokenCounter({ waitMs: 30_000 });
    const [wide, old] = await Promise.all([
      counter.count('o200k_base', [[prose], ['a', 'b'], []]),
      counter.count('cl100k_base', [[prose]]),
    ]);
    expect(wide).toEqual([o200k(prose), 2, 0]);
    expect(old).toEqual([cl100k(prose)]);
  });

  test('delays no request: a late count is replaced by an estimate from the length', async () => {
    const counter = createTokenCounter({ waitMs: 0 });
    expect(await counter.count('o200k_base', [[prose.repeat(1000)]])).toBeUndefined();
    const request = { model: 'm', messages: [], tools: [], stream: false, stop: [], extra: {} };
    expect(await estimateUsage(counter, 'gpt-4o', request, undefined)).toMatchObject({ input: 3, source: 'estimated' });
  });
});

const path = 'wire/openai.jsonl';
interface Row {
  readonly api: string;
  readonly status: number;
  readonly framing: string;
  readonly request: Json;
  readonly request_trimmed: number;
  readonly body: string;
}

test.skipIf(!recording(path))(
  `what OpenAI counted of conversations in text is met within 3 % at the median${unlessRecorded(path)}`,
  async () => {
    const counter = createTokenCounter({ waitMs: 30_000 });
    const errors: { readonly input: number; readonly output: number }[] = [];
    for (const row of recordedRows<Row>(path)) {
      if (row.api !== 'chat' || row.status !== 200 || row.framing !== 'json' || !isObject(row.request) || row.request_trimmed > 0) continue;
      const request = openaiChat.parseRequest(row.request);
      const response = openai.parseResponse(JSON.parse(row.body));
      if ('problem' in request || 'kind' in response || !response.usage || response.usage.reasoning > 0) continue;
      const isText = [...request.messages, ...response.choices].every(({ content }) => content.every(part => part.type === 'text'));
      if (!isText || request.tools.length > 0 || request.output || response.usage.output < 20) continue;
      const estimated = await estimateUsage(counter, response.model, request, response);
      errors.push({
        input: Math.abs(estimated.input / response.usage.input - 1),
        output: Math.abs(estimated.output / response.usage.output - 1),
      });
    }
    expect(errors.length).toBeGreaterThan(50);
    const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;
    expect(median(errors.map(e => e.output))).toBeLessThan(0.03);
    expect(median(errors.map(e => e.input))).toBeLessThan(0.03);
  },
);

test('the thread that counts does not keep its process alive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hindcast-tokens-'));
  try {
    const counter = new URL('../../gateway/tokens/counter.ts', import.meta.url).href;
    // A file: a program given by -e would hand its own flags on to the thread, which then does not start.
    writeFileSync(
      join(folder, 'program.mts'),
      `import { createTokenCounter } from ${JSON.stringify(counter)};
       console.log(JSON.stringify(await createTokenCounter({ waitMs: 20_000 }).count('o200k_base', [['hi']])));`,
    );
    const { status, signal, stdout } = spawnSync(process.execPath, [join(folder, 'program.mts')], { timeout: 30_000 });
    expect([status, signal, stdout.toString()]).toEqual([0, null, '[1]\n']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 40_000);

test("count_tokens uses the encoding of the target's model, and says that it is an estimate", async () => {
  await using gateway = await startGateway(`
providers:
  a: { api: anthropic, key: sk-ant-1234567890, base_url: "http://127.0.0.1:9", allow_private: true }
  o: { api: openai, key: sk-1234567890 }
  l: { api: openai, base_url: "http://127.0.0.1:9/v1", allow_private: true }`);
  const count = async (model: string): Promise<number> => {
    const answer = await fetch(`${gateway.url}/v1/messages/count_tokens`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: prose }] }),
    });
    expect(answer.headers.get('x-hindcast-estimate')).toBe('true');
    return ((await answer.json()) as { input_tokens: number }).input_tokens;
  };
  await vi.waitFor(async () => expect(await count('o/gpt-4o')).toBe(o200k(prose) + 6), { timeout: 20_000, interval: 100 });
  await vi.waitFor(async () => expect(await count('o/gpt-4-turbo')).toBe(cl100k(prose) + 6), { timeout: 20_000, interval: 100 });
  expect(await count('a/claude-opus-4-6')).toBe(Math.round(o200k(prose) * 1.17) + 6);
  expect(await count('l/llama-3.3-70b')).toBe(Math.round(cl100k(prose) * 1.01) + 6);
  expect(await count('l/nobody-knows-it')).toBe(o200k(prose) + 6);
});

test('an image in a request does not count as text, however long its base64 is', () => {
  const image = { type: 'image', source: { type: 'inline', mediaType: 'image/png', data: 'A'.repeat(2_000_000) } } as const;
  const chat = { model: 'm', tools: [], stream: false, stop: [], extra: {} };
  const chatOf = (content: readonly Part[]) => ({ ...chat, messages: [{ role: 'user' as const, content }] });
  expect(estimatePromptTokens(chatOf([image]), 2_000_400)).toBe(1_100);
  expect(estimatePromptTokens(chatOf([{ type: 'text', text: 'hi' }]), 400)).toBe(100);
  const result = { type: 'tool-result', callId: 'c', content: [image] } as const;
  expect(estimatePromptTokens(chatOf([result as unknown as Part]), 2_000_400)).toBe(1_100);
});
