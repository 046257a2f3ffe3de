/** The simulated provider: deterministic, as accurate and confident as its model profile says, and failing only on demand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { ChatRequest, ChatResponse, Part, StreamEvent } from '../../gateway/core/chat/chat.ts';
import { collectResponse } from '../../gateway/core/chat/collect.ts';
import { isObject, type Json, type JsonObject } from '../../gateway/core/chat/json.ts';
import { schemaViolation } from '../../gateway/core/chat/json-schema.ts';
import type { SimulatedResponse } from '../../gateway/core/chat/provider.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import { measureSignals, responseText } from '../../gateway/core/signals/signal.ts';
import { tokenise } from '../../gateway/providers/simulated/values/words.ts';
import { simulated } from '../../gateway/providers/simulated.ts';
import { simulatedTransport } from '../../gateway/transport/simulated-transport.ts';
import { anyText } from '../any-text.ts';
import { longTimeout, runs } from '../runs.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { parseRechunked } from './rechunk.ts';

vi.setConfig({ testTimeout: longTimeout });
const { numRuns } = runs(300, 5_000);
const prompts = 2_000;

const perform = (model: string, body: JsonObject): SimulatedResponse =>
  simulated.simulate({ path: '/chat/completions', body: JSON.stringify({ model, ...body }), warnings: [] }, model);
const user = (content: Json): JsonObject => ({ role: 'user', content });
const question = (text = 'How deep is the harbour?'): JsonObject => ({ messages: [user(text)] });
const dataOf = ({ frames }: SimulatedResponse): string => frames.map(frame => frame.data).join('');
const totalMs = ({ frames }: SimulatedResponse): number => frames.reduce((sum, frame) => sum + frame.afterMs, 0);
const bodyOf = (performance: SimulatedResponse): Json => JSON.parse(dataOf(performance)) as Json;
const isFailure = (result: ChatResponse | Failure): result is Failure => 'kind' in result;

function answerOf(result: ChatResponse | Failure): ChatResponse {
  if (isFailure(result)) throw new Error(result.message);
  return result;
}
const answer = (model: string, body: JsonObject): ChatResponse => answerOf(simulated.parseResponse(bodyOf(perform(model, body))));
const failure = (model: string, body: JsonObject = question()): Failure => {
  const { status, headers, ...performance } = perform(model, body);
  return simulated.parseFailure(Number(status), headers, dataOf({ status, headers, ...performance }));
};
const streaming = (model: string, body: JsonObject): ChatResponse | Failure =>
  parseRechunked(simulated, dataOf(perform(model, { ...body, stream: true })), [1_000_000]);
const textIn = (model: string, body: JsonObject): string => responseText(answer(model, body));
const callsIn = (response: ChatResponse): readonly (Part & { type: 'tool-call' })[] =>
  response.choices[0]!.content.filter(part => part.type === 'tool-call');

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1, maximum: 7 } },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
};
const time = { type: 'function', function: { name: 'currentTime' } };

describe('Responses', () => {
  test('its responses equal the fixture byte for byte', () => {
    const path = join(import.meta.dirname, '../fixtures/providers/simulated.jsonl');
    const lines = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    for (const { kind, title, model, asked: requested, wire } of lines.filter(line => line.asked)) {
      const performance = perform(model, JSON.parse(requested));
      const data = dataOf(performance);
      if (kind === 'response') expect(data, title).toBe(JSON.stringify(wire));
      if (kind === 'stream') expect(data, title).toBe(wire.map((event: { data: string }) => `data: ${event.data}\n\n`).join(''));
      if (kind === 'failure') expect({ status: performance.status, headers: performance.headers, body: data }, title).toEqual(wire);
    }
  });

  test('the same request gets the same bytes at the same times', () => {
    const body = fc.record(
      {
        messages: fc.array(fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: fc.string() }), {
          minLength: 1,
          maxLength: 4,
        }),
        stream: fc.boolean(),
        logprobs: fc.boolean(),
        n: fc.integer({ min: 1, max: 3 }),
        max_tokens: fc.integer({ min: 1, max: 50 }),
      },
      { requiredKeys: ['messages'] },
    );
    fc.assert(
      fc.property(fc.constantFrom('small', 'large', 'other', 'gpt-5'), body, (model, request) => {
        expect(perform(model, request as JsonObject)).toEqual(perform(model, request as JsonObject));
      }),
      { numRuns },
    );
  });

  test('spelling, limits, streaming and log-probabilities of a request do not change the content', () => {
    fc.assert(
      fc.property(anyText(), fc.constantFrom('small', 'large', 'other'), (prompt, model) => {
        const plain = { messages: [{ role: 'system', content: 'Be brief.' }, user(prompt)] };
        const text = textIn(model, plain);
        const parts = {
          messages: [{ role: 'developer', content: [{ type: 'text', text: 'Be brief.' }] }, user([{ type: 'text', text: prompt }])],
        };
        expect(textIn(model, parts)).toBe(text);
        expect(textIn(model, { ...plain, temperature: 0.3, user: 'u1', logprobs: true, top_logprobs: 3 })).toBe(text);
        expect(text.startsWith(textIn(model, { ...plain, max_tokens: 3 }))).toBe(true);
        expect(responseText(answerOf(streaming(model, plain)))).toBe(text);
      }),
      { numRuns: numRuns / 5 },
    );
  });

  test('a stream and a body have the same content, log-probabilities, calls and usage', () => {
    const bodies = [
      { ...question(), logprobs: true, top_logprobs: 5, n: 3 },
      { ...question('Is the weather in Oslo fine, and what is the currentTime?'), tools: [weather, time], logprobs: true },
      question('Say hello'),
    ];
    for (const body of bodies) {
      const { systemFingerprint: _, ...nonStreaming } = answer('small', body);
      expect(answerOf(streaming('small', { ...body, stream_options: { include_usage: true } }))).toEqual(nonStreaming);
      expect(answerOf(streaming('small', body)).usage).toBeUndefined();
    }
  });

  test("the caller's seed changes the response", () => {
    const tries = new Set(Array.from({ length: 40 }, (_, seed) => textIn('small', { ...question(), seed })));
    expect(tries.size).toBeGreaterThan(5);
  });

  test('a greeting, or a request for one, is greeted', () => {
    for (const prompt of ['Hello', 'hi!', 'Say hello', 'Please say hi', 'Good morning'])
      expect(textIn('small', question(prompt))).toMatch(/^(Hello|Hi)/);
    for (const prompt of ['Hello, how deep is the harbour?', 'History of Rome', 'Say how deep it is']) {
      expect(textIn('small', question(prompt))).toMatch(/^The answer is \d{4}\./);
    }
  });

  test('usage counts the tokens sent, and joined they are the text', () => {
    const response = answer('small', { ...question(), logprobs: true });
    const tokens = response.choices[0]!.logprobs!;
    expect(tokens.map(token => token.token).join('')).toBe(responseText(response));
    expect(response.usage).toMatchObject({ input: 12, output: tokens.length });
    const long = answer('small', question('harbour '.repeat(1_000)));
    expect(long.usage!.input).toBeGreaterThan(1_500);
    expect(long.usage!.input).toBeLessThan(2_500);
    fc.assert(
      fc.property(anyText(), text => {
        expect(tokenise(text).join('')).toBe(text);
      }),
      { numRuns },
    );
  });

  test('a token limit ends it with `length`, a stop sequence with `stop`', () => {
    const { choices, usage } = answer('small', { ...question(), max_tokens: 2 });
    expect(choices[0]).toMatchObject({ content: [{ text: 'The answer' }], finish: { reason: 'length' } });
    expect(usage!.output).toBe(2);
    const newer = answer('small', { ...question(), max_completion_tokens: 3, max_tokens: 1 });
    expect(responseText(newer)).toBe('The answer is');
    const stopped = answer('small', { ...question(), stop: ['no such text', 'wer', '.'] });
    expect(stopped.choices[0]).toMatchObject({ content: [{ text: 'The ans' }], finish: { reason: 'stop' } });
    expect(textIn('small', { ...question(), stop: '.' })).toMatch(/^The answer is \d{4}$/);
  });

  test('there are as many choices as requested, each drawn separately', () => {
    const { choices } = answer('small', { ...question(), n: 40 });
    expect(choices.map(choice => choice.index)).toEqual(Array.from({ length: 40 }, (_, i) => i));
    const texts = new Set(choices.map(choice => JSON.stringify(choice.content)));
    expect(texts.size).toBeGreaterThan(1);
    expect(texts.size).toBeLessThan(40);
  });
});

describe('Tools and JSON', () => {
  test('a tool is called when forced or mentioned by the user, and never when forbidden', () => {
    const calledTools = (prompt: string, rest: JsonObject = {}): readonly string[] =>
      callsIn(answer('large', { ...question(prompt), tools: [weather, time], ...rest })).map(call => call.name);
    expect(calledTools('Will the weather in Oslo be fine?')).toEqual(['get_weather']);
    expect(calledTools('The weather now, and the currentTime')).toEqual(['get_weather', 'currentTime']);
    expect(calledTools('The weather now, and the currentTime', { parallel_tool_calls: false })).toEqual(['get_weather']);
    expect(calledTools('How deep is the harbour?')).toEqual([]);
    expect(calledTools('How deep is the harbour?', { tool_choice: 'required' })).toHaveLength(1);
    expect(calledTools('How deep is the harbour?', { tool_choice: { type: 'function', function: { name: 'currentTime' } } })).toEqual([
      'currentTime',
    ]);
    expect(calledTools('Will the weather in Oslo be fine?', { tool_choice: 'none' })).toEqual([]);
  });

  test('arguments conform to the schema of the tool', () => {
    for (let i = 0; i < 100; i++) {
      const response = answer('small', { ...question(`The weather in place ${i}?`), tools: [weather] });
      expect(response.choices[0]!.finish.reason).toBe('tool-calls');
      const parsedArguments = JSON.parse(callsIn(response)[0]!.arguments) as Json;
      expect(schemaViolation(parsedArguments, weather.function.parameters)).toBeUndefined();
    }
  });

  test('tool results lead to a text that uses them', () => {
    const calls = [{ id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{}' } }];
    const messages = [user('The weather in Oslo?'), { role: 'assistant', content: null, tool_calls: calls }];
    const toolResult = { role: 'tool', tool_call_id: 'c1', content: 'Rain,\n7 °C' };
    const response = answer('large', { messages: [...messages, toolResult], tools: [weather] });
    expect(response.choices[0]!.finish.reason).toBe('stop');
    expect(responseText(response)).toMatch(/^According to get_weather \("Rain, 7 °C"\), the answer is \d{4}\./);
    expect(textIn('large', { messages: [...messages, { ...toolResult, tool_call_id: 'other' }] })).toMatch(/^According to the tool \(/);
  });

  test('JSON is sent when requested, with a confidence where the schema has one', () => {
    expect(JSON.parse(textIn('small', { ...question(), response_format: { type: 'json_object' } }))).toEqual({
      answer: expect.any(Number),
    });
    const schema = {
      type: 'object',
      properties: { depth: { type: 'integer', minimum: 1, maximum: 99 }, confidence: { type: 'number', minimum: 0, maximum: 1 } },
      required: ['depth', 'confidence'],
      additionalProperties: false,
    };
    const body = { ...question(), response_format: { type: 'json_schema', json_schema: { name: 'depth', schema } } };
    const value = JSON.parse(textIn('small:logprob=0.83', body)) as Json;
    expect(schemaViolation(value, schema)).toBeUndefined();
    expect(value).toMatchObject({ confidence: 0.83 });
    expect(textIn('small:wrong', body)).not.toBe(textIn('small:right', body));
  });

  test('an unsatisfiable schema is refused as an invalid request', () => {
    const schema = { type: 'object', properties: { a: false }, required: ['a'] };
    const refused = failure('small', { ...question(), response_format: { type: 'json_schema', json_schema: { name: 'none', schema } } });
    expect(refused).toMatchObject({ kind: 'invalid-request', status: 400, param: 'response_format' });
  });
});

describe('Accuracy and confidence', () => {
  interface Judged {
    readonly text: string;
    readonly right: boolean;
    readonly confidence: number;
  }
  const request: ChatRequest = { model: '', messages: [], tools: [], stream: false, stop: [], extra: {} };
  const judged = (model: string): readonly Judged[] =>
    Array.from({ length: prompts }, (_, i) => {
      const body = { ...question(`Question ${i} of many`), logprobs: true };
      const response = answer(model, body);
      const text = responseText(response);
      return { text, right: text === textIn(`${model}:right`, body), confidence: measureSignals(request, response).mean_logprob! };
    });
  const shareOf = (rows: readonly Judged[], is: (row: Judged) => boolean): number => rows.filter(is).length / rows.length;
  const small = judged('small');
  const large = judged('large');
  const other = judged('some-other-model');

  test('small is right three times out of four, large nineteen times out of twenty, others in between', () => {
    expect(shareOf(small, row => row.right)).toBeGreaterThan(0.75);
    expect(shareOf(small, row => row.right)).toBeLessThan(0.8);
    expect(shareOf(large, row => row.right)).toBeGreaterThan(0.93);
    expect(shareOf(large, row => row.right)).toBeLessThan(0.97);
    expect(shareOf(other, row => row.right)).toBeGreaterThan(0.8);
    expect(shareOf(other, row => row.right)).toBeLessThan(0.94);
  });

  test('all right answers are equal; a wrong one has another number', () => {
    const number = (row: Judged): string => /\d{4}/.exec(row.text)![0];
    for (let i = 0; i < prompts; i++) {
      if (small[i]!.right && large[i]!.right) expect(small[i]!.text).toBe(large[i]!.text);
      else if (small[i]!.right !== large[i]!.right) expect(number(small[i]!)).not.toBe(number(large[i]!));
    }
  });

  test('its confidence separates right from wrong, imperfectly', () => {
    expect(auroc(small)).toBeGreaterThan(0.78);
    expect(auroc(small)).toBeLessThan(0.92);
    expect(auroc(large)).toBeGreaterThan(0.8);
    const mean = (rows: readonly Judged[]): number => rows.reduce((sum, row) => sum + row.confidence, 0) / rows.length;
    expect(mean(large)).toBeGreaterThan(mean(small) + 0.05);
  });

  test("at 0.74 some two thirds of the small model's responses are accepted, and a threshold trades cost for quality", () => {
    const accepted = small.filter(row => row.confidence >= 0.74);
    expect(accepted.length / prompts).toBeGreaterThan(0.6);
    expect(accepted.length / prompts).toBeLessThan(0.7);
    expect(shareOf(accepted, row => row.right)).toBeGreaterThan(0.89);
    const rightAt = (threshold: number): number =>
      small.filter((row, i) => (row.confidence >= threshold ? row.right : large[i]!.right)).length / prompts;
    expect(rightAt(0.74)).toBeGreaterThan(rightAt(0) + 0.1);
    expect(rightAt(0.9)).toBeGreaterThan(rightAt(0.74) + 0.01);
  });

  test('tokens have log-probabilities only on request, with the requested number of alternatives, the likeliest first', () => {
    expect(answer('small', question()).choices[0]!.logprobs).toBeUndefined();
    for (const top of [0, 1, 2, 20]) {
      const tokens = answer('small', { ...question(), logprobs: true, top_logprobs: top }).choices[0]!.logprobs!;
      for (const token of tokens) {
        expect(token.logprob).toBeLessThanOrEqual(0);
        expect(token.top).toHaveLength(top);
        expect(new Set(token.top.map(alternative => alternative.token)).size).toBe(top);
        expect(token.top.map(alternative => alternative.logprob)).toEqual(token.top.map(a => a.logprob).toSorted((a, b) => b - a));
        if (top > 0) expect(token.top).toContainEqual({ token: token.token, logprob: token.logprob });
        expect(token.top.reduce((sum, alternative) => sum + Math.exp(alternative.logprob), 0)).toBeLessThan(1.001);
      }
    }
  });
});

function auroc(rows: readonly { readonly right: boolean; readonly confidence: number }[]): number {
  const sorted = rows.toSorted((a, b) => a.confidence - b.confidence);
  const ranks = sorted.flatMap((row, i) => (row.right ? [i + 1] : []));
  const right = ranks.length;
  return (ranks.reduce((sum, rank) => sum + rank, 0) - (right * (right + 1)) / 2) / (right * (rows.length - right));
}

describe('Timing', () => {
  const medianMs = (model: string, body: JsonObject): number => {
    const waits = Array.from({ length: 201 }, (_, i) => perform(model, { ...question(`Question ${i}`), ...body }).frames[0]!.afterMs);
    return waits.toSorted((a, b) => a - b)[100]!;
  };

  test('small is faster than large, by the first and the last token', () => {
    expect(medianMs('small', { stream: true })).toBeGreaterThan(120);
    expect(medianMs('small', { stream: true })).toBeLessThan(240);
    expect(medianMs('large', { stream: true })).toBeGreaterThan(300);
    expect(medianMs('large', { stream: true })).toBeLessThan(560);
    expect(medianMs('large', {})).toBeGreaterThan(medianMs('small', {}) * 2);
  });

  test('a body comes at the time of the last token of the same stream', () => {
    for (let i = 0; i < 50; i++) {
      expect(totalMs(perform('large', question(`Question ${i}`)))).toBe(
        totalMs(perform('large', { ...question(`Question ${i}`), stream: true })),
      );
    }
  });

  test('`ttft`, `tps` and `tokens` are exact', () => {
    const { frames } = perform('small:ttft=40,tps=100,tokens=5', { ...question(), stream: true });
    expect(frames.map(frame => frame.afterMs)).toEqual([40, 10, 10, 10, 10]);
    expect(totalMs(perform('small:ttft=40,tps=100,tokens=5', question()))).toBe(80);
  });

  test('data due within one millisecond shares a frame', () => {
    const { frames } = perform('small:ttft=0,tps=100000,tokens=300', { ...question(), stream: true });
    expect(frames.map(frame => frame.afterMs)).toEqual([0, 1, 1, 1]);
    expect(answerOf(parseRechunked(simulated, frames.map(frame => frame.data).join(''), [7])).choices[0]!.finish.reason).toBe('stop');
  });

  test('played by a clock, headers come with the first byte, each token at its time, and the end right after the last', () => {
    const clock = new VirtualClock(1_000);
    const log: (readonly [number, string])[] = [];
    const logEvent = (what: string) => (): void => void log.push([clock.now() - 1_000, what]);
    simulatedTransport(perform('small:ttft=40,tps=100,tokens=3', { ...question(), stream: true }), clock, {
      headers: status => logEvent(`headers ${status}`)(),
      chunk: logEvent('chunk'),
      end: logEvent('end'),
      failed: logEvent('failed'),
    });
    expect(log).toEqual([]);
    clock.run();
    expect(log).toEqual([
      [40, 'headers 200'],
      [40, 'chunk'],
      [50, 'chunk'],
      [60, 'chunk'],
      [60, 'end'],
    ]);
  });
});

describe('Failures', () => {
  const ending = (model: string, body: JsonObject = { ...question(), stream: true }): string => {
    const clock = new VirtualClock();
    let last = 'nothing';
    const logEvent = (what: string): void => {
      last = what;
    };
    simulatedTransport(perform(model, body), clock, {
      headers: status => logEvent(`headers ${status}`),
      chunk: () => logEvent('chunk'),
      end: () => logEvent('end'),
      failed: ({ kind }) => logEvent(kind),
    });
    clock.run();
    return last;
  };
  const events = (model: string): readonly StreamEvent[] => {
    const parser = simulated.parseStream();
    const blocks = dataOf(perform(model, { ...question(), stream: true }))
      .split('\n\n')
      .filter(block => block !== '');
    return blocks.flatMap(block => parser.parse({ data: block.slice('data: '.length) }));
  };
  const textEvents = (model: string): number => events(model).filter(event => event.type === 'text-delta').length;

  test('`status` sets the status, and `retry_after` the wait', () => {
    for (const [status, kind] of [
      [401, 'authentication'],
      [404, 'not-found'],
      [429, 'rate-limited'],
      [500, 'server-error'],
      [503, 'overloaded'],
      [504, 'timeout'],
      [529, 'overloaded'],
      [418, 'invalid-request'],
      [599, 'server-error'],
    ] as const) {
      expect(failure(`small:status=${status}`)).toMatchObject({ kind, status });
    }
    expect(failure('small:status=503,retry_after=1.5')).toMatchObject({ kind: 'overloaded', retryAfterMs: 1_500 });
    expect(failure('small:retry_after=2')).toMatchObject({ kind: 'rate-limited', retryAfterMs: 2_000 });
  });

  test('`cut` ends a stream after that many tokens, without a finish reason; a body breaks in the middle', () => {
    expect(textEvents('small:cut=2')).toBe(2);
    expect(textEvents('small:cut=0')).toBe(0);
    expect(ending('small:cut=2')).toBe('end');
    expect(streaming('small:cut=2', question())).toMatchObject({ kind: 'truncated' });
    expect(streaming('small:cut=9999', question())).toMatchObject({ kind: 'truncated' });
    expect(ending('small:cut=2', question())).toBe('truncated');
    expect(() => bodyOf(perform('small:cut=2', question()))).toThrow();
  });

  test('`stall` sends that many tokens and never ends', () => {
    expect(textEvents('small:stall=3')).toBe(3);
    expect(ending('small:stall=3')).toBe('chunk');
    expect(ending('small:stall=0', question())).toBe('headers 200');
  });

  test('`refuse` refuses the connection', () => {
    expect(perform('small:refuse', question()).status).toBe('refused');
    expect(ending('small:refuse')).toBe('unreachable');
  });

  test('`error_in_200` starts with status 200', () => {
    expect(perform('small:error_in_200', question()).status).toBe(200);
    expect(simulated.parseResponse(bodyOf(perform('small:error_in_200', question())))).toMatchObject({ kind: 'server-error' });
    expect(textEvents('small:error_in_200=2')).toBe(2);
    expect(events('small:error_in_200=2').at(-1)).toMatchObject({ type: 'failure', failure: { kind: 'server-error' } });
  });

  test('`flaky` fails that share of the requests, always the same ones, with the failure directive beside it', () => {
    const failing = (model: string): readonly number[] =>
      Array.from({ length: 1_000 }, (_, i) => i).filter(i => perform(model, question(`Question ${i}`)).status !== 200);
    const failed = failing('small:flaky=0.3');
    expect(failed.length).toBeGreaterThan(250);
    expect(failed.length).toBeLessThan(350);
    expect(failing('small:flaky=0.3')).toEqual(failed);
    expect(failing('small:flaky=0.3,status=429')).toEqual(failed);
    expect(failing('small:flaky=0')).toEqual([]);
    expect(failure('small:flaky=1')).toMatchObject({ kind: 'overloaded' });
    expect(failure('small:flaky=1,status=429')).toMatchObject({ kind: 'rate-limited' });
    expect(streaming('small:flaky=1,cut=1', question())).toMatchObject({ kind: 'truncated' });
  });

  test('`right`, `wrong` and `logprob` force correctness and confidence', () => {
    const right = textIn('small:right', question());
    expect(textIn('large:right', question())).toBe(right);
    expect(textIn('small:wrong', question())).not.toBe(right);
    const tokens = answer('small:logprob=0.6', { ...question(), logprobs: true }).choices[0]!.logprobs!;
    const mean = tokens.reduce((sum, token) => sum + token.logprob, 0) / tokens.length;
    expect(Math.exp(mean)).toBeCloseTo(0.6, 4);
  });

  test('an unknown directive is a bad request that names it', () => {
    expect(failure('small:sulk=1')).toMatchObject({
      kind: 'invalid-request',
      status: 400,
      param: 'model',
      message: expect.stringContaining("'sulk'"),
    });
    expect(failure('small:toString')).toMatchObject({ message: expect.stringContaining("'toString'") });
    for (const model of [
      'small:status=200',
      'small:status=429.5',
      'small:cut=-1',
      'small:cut',
      'small:flaky=2',
      'small:tokens=1e3',
      'small:right=2',
    ]) {
      expect(failure(model).message, model).toMatch(/directive '(status|cut|flaky|tokens|right)' of the model name takes/);
    }
    expect(failure('small:right,wrong').message).toContain('exclude each other');
    expect(failure('small:ttft=5:sulk').message).toContain("'sulk'");
  });

  test('any body that is no chat request is refused', () => {
    expect(failure('small', {})).toMatchObject({ status: 400, param: 'messages' });
    expect(failure('small', { ...question(), n: 129 })).toMatchObject({ status: 400, param: 'n' });
    expect(failure('small:tokens=10000', { ...question(), n: 128 })).toMatchObject({ status: 400, param: 'n' });
    const any = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .dictionary(
          fc.constantFrom('messages', 'tools', 'response_format', 'stop', 'n', 'max_tokens', 'logprobs', 'stream'),
          fc.jsonValue(),
        )
        .map(value => JSON.stringify(value)),
      fc
        .jsonValue()
        .map(value =>
          JSON.stringify({ messages: [value, { role: 'user', content: value, tool_calls: value }], tools: [{ function: value }] }),
        ),
    );
    fc.assert(
      fc.property(any, body => {
        const { status, frames, headers } = simulated.simulate({ path: '', body, warnings: [] }, 'small');
        expect([200, 400]).toContain(status);
        if (headers['content-type'] === 'application/json') expect(isObject(JSON.parse(frames[0]!.data))).toBe(true);
        else expect(isFailure(collectResponse(parsed(frames.map(frame => frame.data).join(''))))).toBe(false);
      }),
      { numRuns },
    );
  });
});

function parsed(stream: string): readonly StreamEvent[] {
  const parser = simulated.parseStream();
  return stream
    .split('\n\n')
    .filter(block => block !== '')
    .flatMap(block => parser.parse({ data: block.slice('data: '.length) }));
}
