/** Tokens are counted in the model's own encoding, away from the requests, in bounded time. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, test } from 'vitest';
import { isObject, type Json } from '../../gateway/core/json.ts';
import { openaiChat } from '../../gateway/dialects/openai.ts';
import { openai } from '../../gateway/providers/openai.ts';
import { countWith } from '../../gateway/tokens/count.ts';
import { createCounter } from '../../gateway/tokens/counter.ts';
import { reckon } from '../../gateway/tokens/reckon.ts';
import { recordedRows, recording, unlessRecorded } from '../recordings.ts';

const prose = 'The quick brown fox — naïve, they say — jumps over 13 lazy dogs. Съешь ещё этих мягких булок. ';

describe('a count', () => {
  test('is the encoding’s own', () => {
    expect(countWith(o200k, [prose, prose.repeat(50)])).toBe(o200k(prose) + o200k(prose.repeat(50)));
    expect(countWith(o200k, ['<|endoftext|>'])).toBeGreaterThan(1); // as text, not as a command
  });

  test('of text without breaks takes no longer than of others', () => {
    const begun = performance.now();
    expect(countWith(o200k, ['a'.repeat(100_000)])).toBeGreaterThan(1_000);
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test('of a very long text goes by its beginning', () => {
    const long = prose.repeat(10_000);
    expect(countWith(cl100k, [long]) / (cl100k(prose) * 10_000)).toBeCloseTo(1, 1);
  });
});

describe('the thread that counts', () => {
  test('counts each group in the encoding that is asked for', async () => {
    const counter = createCounter({ waitMs: 30_000 });
    const [wide, old] = await Promise.all([
      counter.count('o200k_base', [[prose], ['a', 'b'], []]),
      counter.count('cl100k_base', [[prose]]),
    ]);
    expect(wide).toEqual([o200k(prose), 2, 0]);
    expect(old).toEqual([cl100k(prose)]);
  });

  test('lets nobody wait: what is not counted in time is estimated by length', async () => {
    const counter = createCounter({ waitMs: 0 });
    expect(await counter.count('o200k_base', [[prose.repeat(1000)]])).toBeUndefined();
    const request = { model: 'm', messages: [], tools: [], stream: false, stop: [], extra: {} };
    expect(await reckon(counter, 'gpt-4o', request, undefined)).toMatchObject({ input: 3, source: 'estimated' });
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
    const counter = createCounter({ waitMs: 30_000 });
    const errors: { readonly input: number; readonly output: number }[] = [];
    for (const row of recordedRows<Row>(path)) {
      if (row.api !== 'chat' || row.status !== 200 || row.framing !== 'json' || !isObject(row.request) || row.request_trimmed > 0) continue;
      const request = openaiChat.parseRequest(row.request);
      const response = openai.parseResponse(JSON.parse(row.body));
      if ('problem' in request || 'kind' in response || !response.usage || response.usage.reasoning > 0) continue;
      const isText = [...request.messages, ...response.choices].every(({ content }) => content.every(part => part.type === 'text'));
      if (!isText || request.tools.length > 0 || request.output || response.usage.output < 20) continue;
      const estimated = await reckon(counter, response.model, request, response);
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
      `import { createCounter } from ${JSON.stringify(counter)};
       console.log(JSON.stringify(await createCounter({ waitMs: 20_000 }).count('o200k_base', [['hi']])));`,
    );
    const { status, signal, stdout } = spawnSync(process.execPath, [join(folder, 'program.mts')], { timeout: 30_000 });
    expect([status, signal, stdout.toString()]).toEqual([0, null, '[1]\n']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 40_000);
