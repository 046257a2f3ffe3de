/** Every recorded chat completion, of OpenAI and of compatible vendors, is parsed without loss. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatResponse } from '../../gateway/core/chat/chat.ts';
import { openai } from '../../gateway/providers/openai.ts';
import { recordedRows, unlessRecorded } from '../recordings.ts';
import { parseRechunked } from './rechunk.ts';

interface Row {
  readonly id: string;
  readonly api: string;
  readonly status: number;
  readonly framing: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly chunk_lengths?: readonly number[];
}

const others = [
  'azure',
  'bedrock',
  'cerebras',
  'deepseek',
  'gemini',
  'groq',
  'huggingface',
  'mistral',
  'ollama',
  'openrouter',
  'other',
  'perplexity',
  'qwen',
  'together',
  'xai',
  'zai',
];

/** Rows without a complete response, with their failure kind and the reason. */
const exceptions: Readonly<Record<string, readonly [kind: string, why: string]>> = {
  '6b8f07d3171edd30': ['truncated', 'an empty body: the recording client broke off'],
  '2bd60c27b5492231': ['truncated', 'an empty body'],
  '274da1f31570d342': ['truncated', '[DONE] without a finish reason (Novita behind OpenRouter)'],
  '8ad2576cee391118': ['truncated', '[DONE] without a finish reason (Novita behind OpenRouter)'],
  bc249cd6d7f5013b: ['truncated', '[DONE] without a finish reason (Snowflake)'],
  e4b42590d5a1bc1f: ['truncated', '[DONE] without a finish reason (Snowflake)'],
  '7a91fba18dc693c4': ['invalid-response', 'an error event in the middle: the model wrote a call that its tool does not take (Groq)'],
  '5485daa849a10ce5': ['invalid-response', 'an error event as the only one (Groq)'],
  '699a0c846b1ca023': ['invalid-response', 'hand-made: a second answer begins where the first has ended'],
  e8a69aa0875613dc: ['invalid-request', 'an error chunk after the finish reason length: "Token limit reached" (OpenRouter)'],
  '45f26ba6faf10d5a': ['content-filtered', 'an error with status 200 (Azure)'],
  bdaaac53daf82e07: ['server-error', 'an error with status 200 (OpenRouter)'],
  '6d515bc597604fbd': ['server-error', 'half an answer whose choice holds an error (OpenRouter)'],
};
/** Bodies with status 200 and no content, which the edge rejects as no JSON. */
const empty = new Set(['d090014228a51654', 'cf45951676257f82', 'c9080f16d64bd85d']);

interface Reading {
  readonly index: unknown;
  text: string;
  reasoning: string;
  refusal: string;
  calls: { id?: unknown; name: unknown; arguments: string }[];
  finish: unknown;
}

interface Counts {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly reasoning: number;
}

function readingOf(response: ReturnType<typeof openai.parseResponse>): Reading[] {
  expect(response).not.toHaveProperty('kind');
  return (response as ChatResponse).choices.map(({ index, content, finish }) => {
    const joined = (type: string): string => content.map(part => (part.type === type && 'text' in part ? part.text : '')).join('');
    return {
      index,
      text: joined('text'),
      reasoning: joined('reasoning'),
      refusal: joined('refusal'),
      calls: content.flatMap(part => (part.type === 'tool-call' ? [{ id: part.id, name: part.name, arguments: part.arguments }] : [])),
      finish: finish.raw,
    };
  });
}

/** A generated id is no loss: where the body has none, any id is accepted. */
const withIds = (readings: Reading[]): unknown =>
  readings.map(reading => ({ ...reading, calls: reading.calls.map(call => ({ id: expect.stringMatching(/^call_\w+/), ...call })) }));

const countsOf = (response: ReturnType<typeof openai.parseResponse>): Counts | undefined => {
  const { usage } = response as ChatResponse;
  return usage && { input: usage.input, output: usage.output, cached: usage.cached, reasoning: usage.reasoning };
};

// biome-ignore lint/suspicious/noExplicitAny: the reference parser takes untyped bodies
type Body = any;

const plainText = (content: Body): string => (Array.isArray(content) ? content.map(part => part.text ?? '').join('') : (content ?? ''));
const plainThought = (message: Body): string =>
  message.reasoning_content ||
  message.reasoning ||
  (message.reasoning_details ?? []).map((detail: Body) => detail.text ?? detail.summary ?? '').join('') ||
  (Array.isArray(message.content) ? message.content.flatMap((part: Body) => part.thinking ?? []).map((part: Body) => part.text) : []).join(
    '',
  );

function plainReading(body: Body): Reading[] {
  return body.choices.map(({ index, message, finish_reason, finish_details }: Body) => ({
    index,
    text: plainText(message.content) || (message.audio?.transcript ?? ''),
    reasoning: plainThought(message),
    refusal: message.refusal ?? '',
    calls: [...(message.tool_calls ?? []), ...(message.function_call?.name ? [{ function: message.function_call }] : [])].map(call => ({
      ...(call.id ? { id: call.id } : {}),
      name: (call.function ?? call.custom).name,
      arguments: call.function?.arguments ?? call.custom?.input ?? '',
    })),
    finish: finish_reason ?? finish_details?.type ?? '',
  }));
}

/** The counts of the body. xAI counts reasoning beside the completion, as its own total shows. */
function plainCounts(usage: Body): Counts | undefined {
  if (!usage) return undefined;
  const { prompt_tokens: input, completion_tokens: completionTokens, total_tokens: total } = usage;
  const reasoning = usage.completion_tokens_details?.reasoning_tokens ?? 0;
  const output = total === input + completionTokens + reasoning ? completionTokens + reasoning : completionTokens;
  const cached = usage.prompt_tokens_details?.cached_tokens ?? usage.prompt_cache_hit_tokens ?? usage.cached_tokens ?? 0;
  return { input, output, cached: cached || (usage.num_cached_tokens ?? 0), reasoning: Math.min(reasoning, output) };
}

const plainChunks = (body: string): Body[] =>
  body
    .split(/\r?\n/)
    .map(line => line.trim())
    .filter(line => line.startsWith('data:') && !line.endsWith('[DONE]'))
    .map(line => JSON.parse(line.slice('data:'.length)));

function plainStream(chunks: Body[]): Reading[] {
  const readings = new Map<number, Reading>();
  for (const chunk of chunks) {
    for (const { index, delta = {}, finish_reason } of chunk.choices ?? []) {
      const reading = readings.get(index) ?? { index, text: '', reasoning: '', refusal: '', calls: [], finish: '' };
      readings.set(index, reading);
      reading.text += plainText(delta.content);
      reading.reasoning += plainThought(delta);
      reading.refusal += delta.refusal ?? '';
      const calls = [...(delta.tool_calls ?? []), ...(delta.function_call ? [{ index: 0, function: delta.function_call }] : [])];
      for (const { id, index: number = 0, function: called } of calls) {
        reading.calls[number] ??= { ...(id ? { id } : {}), name: called.name, arguments: '' };
        reading.calls[number].arguments += called.arguments ?? '';
      }
      reading.finish = finish_reason || reading.finish;
    }
  }
  // Call indexes may start at 1 or at -1, which Array.prototype.filter does not visit.
  for (const reading of readings.values()) reading.calls = Object.values(reading.calls);
  return [...readings.values()].sort((a, b) => Number(a.index) - Number(b.index));
}

describe.each(['openai', ...others])('%s', name => {
  const file = `wire/${name}.jsonl`;
  const rows = recordedRows<Row>(file).filter(row => row.api === 'chat');
  const isComplete = (row: Row): boolean => row.status === 200 && !(row.id in exceptions) && !empty.has(row.id);
  const answers = rows.filter(row => isComplete(row) && row.framing === 'json');
  const streams = rows.filter(row => isComplete(row) && row.framing === 'sse');
  const cut = rows.filter(row => row.id in exceptions);
  const refusals = rows.filter(row => row.status >= 400);

  describe.skipIf(rows.length === 0)(`recorded chat completions${unlessRecorded(file)}`, () => {
    test('are complete: no row is skipped', () => {
      const passed = rows.filter(row => empty.has(row.id)).length;
      expect(answers.length + streams.length + cut.length + refusals.length + passed).toBe(rows.length);
      if (name === 'openai') expect([answers.length, streams.length, refusals.length]).toEqual([650, 205, 37]);
    });

    test('non-streaming responses have the content of their bodies', () => {
      for (const { id, body } of answers) {
        const parsed = JSON.parse(body);
        const response = openai.parseResponse(parsed);
        expect(readingOf(response), id).toEqual(withIds(plainReading(parsed)));
        expect(countsOf(response), id).toEqual(plainCounts(parsed.usage));
        expect(response, id).toMatchObject({ id: parsed.id, model: parsed.model });
      }
    });

    test('streaming responses have the content of their chunks, at the recorded chunk borders', () => {
      for (const { id, body, chunk_lengths } of streams) {
        const response = parseRechunked(openai, body, chunk_lengths ?? []);
        const chunks = plainChunks(body);
        expect(readingOf(response), id).toEqual(withIds(plainStream(chunks)));
        const counted = chunks.map(chunk => chunk.usage ?? chunk.x_groq?.usage).findLast(usage => usage?.prompt_tokens !== undefined);
        expect(countsOf(response), id).toEqual(plainCounts(counted));
      }
    });

    test('incomplete responses are failures of the right kind', () => {
      for (const { id, body, framing } of cut) {
        const response = framing === 'json' ? openai.parseResponse(JSON.parse(body)) : parseRechunked(openai, body, []);
        expect(response, exceptions[id]![1]).toMatchObject({ kind: exceptions[id]![0] });
      }
    });

    test('error responses have a kind and the message of their body', () => {
      for (const { id, status, headers, body } of refusals) {
        const failure = openai.parseFailure(status, headers, body);
        const { error, code } = JSON.parse(body);
        expect(failure.status, id).toBe(status);
        expect(failure.message, id).toContain(typeof error === 'string' ? error : error.message);
        if (typeof (error.code ?? code) === 'string') expect(failure.code, id).toBe(error.code ?? code);
        if (error.param) expect(failure.param, id).toBe(error.param);
      }
    });

    if (streams.length === 0) return;

    test('streams are parsed equally at any chunk borders', () => {
      const lengths = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 400 });
      fc.assert(
        fc.property(fc.constantFrom(...streams), lengths, ({ body }, chunks) => {
          expect(parseRechunked(openai, body, chunks)).toEqual(parseRechunked(openai, body, []));
        }),
        { numRuns: process.env.HINDCAST_LONG ? 2_000 : 40 },
      );
    });

    test('a stream without a finish reason is truncated, never a response', () => {
      for (const { id, body } of streams) {
        const events = body.trimEnd().split(/(?:\r?\n){2}/);
        const finish = events.findIndex(event => /"finish_reason":\s*"(?!null)[^"]/.test(event));
        expect(parseRechunked(openai, `${events.slice(0, finish).join('\n\n')}\n\n`, []), id).toMatchObject({ kind: 'truncated' });
      }
    });
  });
});

const vision = 'wire/openai.jsonl';
describe.skipIf(recordedRows(vision).length === 0)(`recorded error responses${unlessRecorded(vision)}`, () => {
  const expected: Readonly<Record<string, readonly [file: string, kind: string]>> = {
    fc428661fc724e27: ['openai', 'not-found'],
    '46bc378e9c53336e': ['openai', 'not-found'],
    '3c4f09bc749b428e': ['openai', 'not-found'],
    '9e9e24af60a59eee': ['openai', 'authentication'],
    '9407f478f0a1b858': ['openai', 'permission'],
    cc7d6de90264a8f9: ['openai', 'invalid-request'],
    e83dbb09066a9ba2: ['openai', 'invalid-request'],
    a5730f865feaeb97: ['openai', 'invalid-request'],
    '614c30fc45eb9c05': ['azure', 'authentication'],
    '6efa3c49079d2385': ['azure', 'not-found'],
    bc985dfbf63c44c0: ['groq', 'authentication'],
    '14fe132717ef1cbd': ['groq', 'not-found'],
    '17474ffe566936c3': ['groq', 'invalid-response'],
    '4be9cf8e6a28a118': ['groq', 'invalid-request'],
    '5eb9e98e691297bb': ['openrouter', 'rate-limited'],
    '97e4971676cac321': ['openrouter', 'content-filtered'],
    ab3b8eb067ddc20c: ['openrouter', 'invalid-request'],
    '841ab8eb9e252866': ['openrouter', 'not-found'],
    '1cc523d235da5a93': ['qwen', 'authentication'],
    '4bb4520590f65759': ['xai', 'invalid-request'],
  };

  test('have distinct kinds', () => {
    for (const [id, [file, kind]] of Object.entries(expected)) {
      const row = recordedRows<Row>(`wire/${file}.jsonl`).find(row => row.id === id)!;
      expect(openai.parseFailure(row.status, row.headers, row.body).kind, `${file} ${id}`).toBe(kind);
    }
  });
});
