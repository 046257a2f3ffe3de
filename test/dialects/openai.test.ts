/** OpenAI's chat completions as caller format: requests are parsed strictly, responses can be parsed back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CallerError, FieldProblem } from '../../gateway/core/chat/caller-format.ts';
import { isFieldProblem } from '../../gateway/core/chat/caller-format.ts';
import type { ChatRequest, ChatResponse, Finish, Part } from '../../gateway/core/chat/chat.ts';
import { eventsOf } from '../../gateway/core/chat/collect.ts';
import type { Json, JsonObject } from '../../gateway/core/chat/json.ts';
import { openaiChat } from '../../gateway/dialects/openai.ts';
import { openai } from '../../gateway/providers/openai.ts';
import { call, responses, words } from '../core/chat/chat-arbitraries.ts';
import { parseRechunked } from '../providers/rechunk.ts';
import { recordedRows, unlessRecorded } from '../recordings.ts';
import { type CarrierOptions, openaiCarriableRequest } from './openai-requests.ts';

const numRuns = process.env.HINDCAST_LONG ? 4_000 : 400;
const hi = [{ role: 'user', content: 'hi' }];
const parse = (members: JsonObject): ChatRequest | FieldProblem => openaiChat.parseRequest({ model: 'm', messages: hi, ...members });
const read = (members: JsonObject): ChatRequest => {
  const request = parse(members);
  if (isFieldProblem(request)) throw new Error(`${request.problem.code} ${request.problem.param}: ${request.problem.message}`);
  return request;
};
const contentOf = (message: JsonObject): readonly Part[] => read({ messages: [message] }).messages[0]!.content;

describe('requests', () => {
  const carriers: readonly CarrierOptions[] = [
    { model: 'gpt-4.1', own: true },
    { model: 'llama-4-scout', own: false },
  ];
  test.each(carriers)('a request rendered for $model is parsed back equally', carrier => {
    fc.assert(
      fc.property(openaiCarriableRequest(carrier), request => {
        const { body, warnings } = openai.renderRequest(request, carrier.model);
        expect(warnings).toEqual([]);
        expect(openaiChat.parseRequest(JSON.parse(body))).toEqual(request);
      }),
      { numRuns },
    );
  });

  test('a minimal request has defaults only', () => {
    expect(read({})).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      tools: [],
      stream: false,
      stop: [],
      extra: {},
    });
  });

  test('null equals an absent member', () => {
    const nothing = Object.fromEntries(
      [
        'tools',
        'tool_choice',
        'stream',
        'stop',
        'max_tokens',
        'temperature',
        'n',
        'logprobs',
        'response_format',
        'user',
        'seed',
        'store',
      ].map(member => [member, null]),
    );
    expect(read(nothing)).toEqual(read({}));
  });

  test('the token limit has two names, which must agree', () => {
    expect(read({ max_tokens: 5 }).maxOutputTokens).toBe(5);
    expect(read({ max_completion_tokens: 7 }).maxOutputTokens).toBe(7);
    expect(read({ max_completion_tokens: 7, max_tokens: 7 }).maxOutputTokens).toBe(7);
    expect(parse({ max_completion_tokens: 7, max_tokens: 5 })).toMatchObject({ problem: { code: 'invalid_value', param: 'max_tokens' } });
  });

  test('stop is a text or a list of texts', () => {
    expect(read({ stop: 'END' }).stop).toEqual(['END']);
    expect(read({ stop: ['a', 'b'] }).stop).toEqual(['a', 'b']);
  });

  test('legacy functions are tools, and their calls and results are matched', () => {
    const request = read({
      functions: [{ name: 'now', parameters: { type: 'object' } }],
      function_call: { name: 'now' },
      messages: [
        ...hi,
        { role: 'assistant', content: null, function_call: { name: 'now', arguments: '{}' } },
        { role: 'function', name: 'now', content: '12:00' },
      ],
    });
    expect(request).toMatchObject({ tools: [{ name: 'now', parameters: { type: 'object' } }], toolChoice: { type: 'tool', name: 'now' } });
    const [, requested, answered] = request.messages;
    expect(requested!.content).toEqual([{ type: 'tool-call', id: 'call_1', name: 'now', arguments: '{}' }]);
    expect(answered).toEqual({
      role: 'tool',
      content: [{ type: 'tool-result', id: 'call_1', name: 'now', content: [{ type: 'text', text: '12:00' }] }],
    });
    expect(read({ function_call: 'none' }).toolChoice).toEqual({ type: 'none' });
  });

  test('a response sent back is the same turn: reasoning, refusal and calls', () => {
    const message = {
      role: 'assistant',
      content: 'I look.',
      refusal: null,
      annotations: [],
      audio: null,
      function_call: null,
      reasoning_content: 'Hm.',
      tool_calls: [
        {
          id: 'c1',
          type: 'function',
          index: 0,
          function: { name: 'now', arguments: '{' },
          extra_content: { google: { thought_signature: 'c2ln' } },
        },
        { id: 'c2', type: 'custom', custom: { name: 'math', input: '4 + 4' } },
      ],
    };
    expect(contentOf(message)).toEqual([
      { type: 'reasoning', text: 'Hm.' },
      { type: 'text', text: 'I look.' },
      { type: 'tool-call', id: 'c1', name: 'now', arguments: '{', signature: 'c2ln' },
      { type: 'tool-call', id: 'c2', name: 'math', arguments: '4 + 4', freeform: true },
    ]);
    expect(read({ messages: [message] })).not.toHaveProperty('unread');
    expect(contentOf({ role: 'assistant', refusal: 'No.' })).toEqual([{ type: 'refusal', text: 'No.' }]);
  });

  test('inline media and references are distinguished, and base64 loses its line breaks', () => {
    const content = [
      { type: 'image_url', image_url: { url: 'data:image/PNG;base64,iVBO\nRw0K', detail: 'low' } },
      { type: 'image_url', image_url: 'https://example.com/a.png' },
      { type: 'input_audio', input_audio: { data: 'SUQz', format: 'mp3' } },
      { type: 'file', file: { filename: 'a.pdf', file_data: 'JVBERi0=' } },
      { type: 'file', file: { file_id: 'file-1' } },
    ];
    expect(contentOf({ role: 'user', content })).toEqual([
      { type: 'image', source: { type: 'inline', mediaType: 'image/png', data: 'iVBORw0K' }, detail: 'low' },
      { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
      { type: 'audio', source: { type: 'inline', mediaType: 'audio/mpeg', data: 'SUQz' } },
      { type: 'document', source: { type: 'inline', mediaType: 'application/pdf', data: 'JVBERi0=' }, name: 'a.pdf' },
      { type: 'document', source: { type: 'file', id: 'file-1' } },
    ]);
  });

  test('an image of 20 MB is parsed quickly', () => {
    const data = 'A'.repeat(20 * 1024 * 1024);
    const started = performance.now();
    expect(contentOf({ role: 'user', content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } }] })).toHaveLength(
      1,
    );
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('reasoning has the parameters of OpenAI or of OpenRouter', () => {
    expect(read({ reasoning_effort: 'max' }).reasoning).toEqual({ effort: 'max' });
    expect(read({ reasoning: { effort: 'low', max_tokens: 2_000 } }).reasoning).toEqual({ effort: 'low', budgetTokens: 2_000 });
    expect(read({ reasoning: { enabled: false } }).reasoning).toEqual({ effort: 'none' });
    expect(read({ reasoning: {} })).not.toHaveProperty('reasoning');
  });

  test('tools are chosen by a mode or by name', () => {
    expect(read({ tool_choice: 'required' }).toolChoice).toEqual({ type: 'required' });
    expect(read({ tool_choice: 'any' }).toolChoice).toEqual({ type: 'required' });
    expect(read({ tool_choice: { type: 'function', function: { name: 'now' } } }).toolChoice).toEqual({ type: 'tool', name: 'now' });
    expect(read({ tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [] } } })).toMatchObject({
      toolChoice: { type: 'required' },
      unread: ['tool_choice.allowed_tools.tools'],
    });
  });

  test('unknown members are kept at the top level, and reported at deeper levels', () => {
    const request = read({
      thinking: { type: 'enabled' },
      models: ['a', 'b'],
      fallbacks: ['c'],
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'hi', cache_control: { type: 'ephemeral' } },
            { type: 'video_url', video_url: { url: 'https://example.com/a.mp4' } },
          ],
          mood: 'good',
        },
      ],
      tools: [{ type: 'web_search' }, { type: 'function', function: { name: 'now', returns: {} } }],
    });
    expect(request.extra).toEqual({
      thinking: { type: 'enabled' },
      models: ['a', 'b'],
      fallbacks: ['c'],
      stream_options: { include_obfuscation: false },
    });
    expect(request.unread).toEqual([
      'messages[0].mood',
      'messages[0].content[0].cache_control',
      'messages[0].content[1]',
      'tools[0]',
      'tools[1].function.returns',
    ]);
    expect(request.messages[0]!.content).toEqual([{ type: 'text', text: 'hi' }]);
    expect(request.tools).toEqual([{ name: 'now' }]);
  });

  const long = 'x'.repeat(1_001);
  const user = (content: Json): JsonObject => ({ messages: [{ role: 'user', content }] });
  const image = (url: Json): JsonObject => user([{ type: 'image_url', image_url: { url } }]);
  const schema = (json_schema: Json): JsonObject => ({ response_format: { type: 'json_schema', json_schema } });
  const called = (call: Json): JsonObject => ({ messages: [{ role: 'assistant', tool_calls: [call] }] });
  const problems: readonly (readonly [title: string, members: JsonObject, code: string, param: string])[] = [
    ['a model that is missing', { model: null }, 'missing_required_parameter', 'model'],
    ['a model that is a number', { model: 4 }, 'invalid_type', 'model'],
    ['a model without a letter', { model: '' }, 'invalid_value', 'model'],
    ['a model with a line break', { model: 'm-fast\r\nX-Evil: 1' }, 'invalid_value', 'model'],
    ['a model with half a character', { model: 'm\ud800' }, 'invalid_value', 'model'],
    ['a model that turns the reading direction around', { model: 'm\u202egpt' }, 'invalid_value', 'model'],
    ['a model without end', { model: long }, 'invalid_value', 'model'],
    ['messages that are missing', { messages: null }, 'missing_required_parameter', 'messages'],
    ['messages that are a text', { messages: 'hi' }, 'invalid_type', 'messages'],
    ['no message at all', { messages: [] }, 'invalid_value', 'messages'],
    ['a message that is a text', { messages: ['hi'] }, 'invalid_type', 'messages[0]'],
    ['a message without a role', { messages: [{ content: 'hi' }] }, 'missing_required_parameter', 'messages[0].role'],
    ['a message of an unknown role', { messages: [...hi, { role: 'ai', content: 'hi' }] }, 'invalid_value', 'messages[1].role'],
    ['a message that says nothing', { messages: [{ role: 'user' }] }, 'missing_required_parameter', 'messages[0].content'],
    ['content that is a number', user(5), 'invalid_type', 'messages[0].content'],
    ['a part that is a text', user(['hi']), 'invalid_type', 'messages[0].content[0]'],
    ['a part of no kind', user([{ text: 'hi' }]), 'missing_required_parameter', 'messages[0].content[0].type'],
    ['a part whose text is a number', user([{ type: 'text', text: 1 }]), 'invalid_type', 'messages[0].content[0].text'],
    ['a picture without a URL', image(null), 'missing_required_parameter', 'messages[0].content[0].image_url.url'],
    ['a picture on the disk', image('file:///etc/passwd'), 'invalid_value', 'messages[0].content[0].image_url.url'],
    ['a picture that is no base64', image('data:image/png;base64,@@@'), 'invalid_value', 'messages[0].content[0].image_url.url'],
    ['a picture that is text', image('data:text/plain,hi'), 'invalid_value', 'messages[0].content[0].image_url.url'],
    ['a file of nothing', user([{ type: 'file', file: {} }]), 'missing_required_parameter', 'messages[0].content[0].file.file_data'],
    [
      'sound without a format',
      user([{ type: 'input_audio', input_audio: { data: 'SUQz' } }]),
      'missing_required_parameter',
      'messages[0].content[0].input_audio.format',
    ],
    [
      'an answer that says and does nothing',
      { messages: [{ role: 'assistant', content: null }] },
      'missing_required_parameter',
      'messages[0].content',
    ],
    [
      'a call without an id',
      called({ function: { name: 'f', arguments: '' } }),
      'missing_required_parameter',
      'messages[0].tool_calls[0].id',
    ],
    [
      'a call of nothing',
      called({ id: 'c', function: { arguments: '' } }),
      'missing_required_parameter',
      'messages[0].tool_calls[0].function.name',
    ],
    [
      'arguments that are an object',
      called({ id: 'c', function: { name: 'f', arguments: {} } }),
      'invalid_type',
      'messages[0].tool_calls[0].function.arguments',
    ],
    ['a result of no call', { messages: [{ role: 'tool', content: 'x' }] }, 'missing_required_parameter', 'messages[0].tool_call_id'],
    ['stream as a text', { stream: 'true' }, 'invalid_type', 'stream'],
    ['stream_options as a flag', { stream_options: true }, 'invalid_type', 'stream_options'],
    ['include_usage as a number', { stream_options: { include_usage: 1 } }, 'invalid_type', 'stream_options.include_usage'],
    ['a negative limit', { max_tokens: -1 }, 'invalid_value', 'max_tokens'],
    ['a limit of nothing', { max_completion_tokens: 0 }, 'invalid_value', 'max_completion_tokens'],
    ['a limit of a half', { max_tokens: 1.5 }, 'invalid_type', 'max_tokens'],
    ['a limit as a text', { max_tokens: '5' }, 'invalid_type', 'max_tokens'],
    ['a temperature too high', { temperature: 2.1 }, 'invalid_value', 'temperature'],
    ['a temperature beyond numbers', { temperature: Number.POSITIVE_INFINITY }, 'invalid_value', 'temperature'],
    ['a temperature as a text', { temperature: '1' }, 'invalid_type', 'temperature'],
    ['a share above all', { top_p: 1.5 }, 'invalid_value', 'top_p'],
    ['a penalty too hard', { frequency_penalty: -3 }, 'invalid_value', 'frequency_penalty'],
    ['a seed of a half', { seed: 0.5 }, 'invalid_type', 'seed'],
    ['no answers', { n: 0 }, 'invalid_value', 'n'],
    ['answers without end', { n: 129 }, 'invalid_value', 'n'],
    ['logprobs as a number', { logprobs: 1 }, 'invalid_type', 'logprobs'],
    ['alternatives without logprobs', { top_logprobs: 2 }, 'invalid_value', 'top_logprobs'],
    ['too many alternatives', { logprobs: true, top_logprobs: 21 }, 'invalid_value', 'top_logprobs'],
    ['stop as a number', { stop: 1 }, 'invalid_type', 'stop'],
    ['a stop that is a number', { stop: ['a', 1] }, 'invalid_type', 'stop[1]'],
    ['a stop of nothing', { stop: [''] }, 'invalid_value', 'stop[0]'],
    ['tools that are an object', { tools: {} }, 'invalid_type', 'tools'],
    ['a tool without a function', { tools: [{ type: 'function' }] }, 'missing_required_parameter', 'tools[0].function'],
    ['a tool without a name', { tools: [{ type: 'function', function: {} }] }, 'missing_required_parameter', 'tools[0].function.name'],
    [
      'a tool whose parameters are a list',
      { tools: [{ type: 'function', function: { name: 'f', parameters: [] } }] },
      'invalid_type',
      'tools[0].function.parameters',
    ],
    ['a choice nobody has', { tool_choice: 'sometimes' }, 'invalid_value', 'tool_choice'],
    ['a choice of nothing', { tool_choice: { type: 'function' } }, 'missing_required_parameter', 'tool_choice.function'],
    ['a choice of a strange kind', { tool_choice: { type: 'mcp' } }, 'invalid_value', 'tool_choice.type'],
    ['one call at a time as a text', { parallel_tool_calls: 'no' }, 'invalid_type', 'parallel_tool_calls'],
    ['a format as a word', { response_format: 'json' }, 'invalid_type', 'response_format'],
    ['a format nobody has', { response_format: { type: 'json' } }, 'invalid_value', 'response_format.type'],
    ['a format of no kind', { response_format: {} }, 'missing_required_parameter', 'response_format.type'],
    [
      'a format without its schema',
      { response_format: { type: 'json_schema' } },
      'missing_required_parameter',
      'response_format.json_schema',
    ],
    ['a schema without a name', schema({ schema: {} }), 'missing_required_parameter', 'response_format.json_schema.name'],
    ['a name without a schema', schema({ name: 'x' }), 'missing_required_parameter', 'response_format.json_schema.schema'],
    ['an effort nobody makes', { reasoning_effort: 'huge' }, 'invalid_value', 'reasoning_effort'],
    ['a user that is a number', { user: 7 }, 'invalid_type', 'user'],
    ['metadata that is a list', { metadata: [] }, 'invalid_type', 'metadata'],
    ['metadata with a number', { metadata: { team: 7 } }, 'invalid_type', 'metadata.team'],
    ['models that are a text', { models: 'a,b' }, 'invalid_type', 'models'],
    ['models with a number', { models: ['a', 1] }, 'invalid_type', 'models[1]'],
    ['fallbacks that name their host', { fallbacks: [{ model: 'a', api_base: 'http://127.0.0.1:9' }] }, 'forbidden_parameter', 'api_base'],
    ['a fallback with a line break', { fallbacks: ['a\nb'] }, 'invalid_value', 'fallbacks[0]'],
    ['a host', { api_base: 'http://127.0.0.1:9/' }, 'forbidden_parameter', 'api_base'],
    ['a host under another name', { base_url: 'http://127.0.0.1:9/' }, 'forbidden_parameter', 'base_url'],
    ['a host in other letters', { 'API-Base': 'http://127.0.0.1:9/' }, 'forbidden_parameter', 'API-Base'],
    ['a key', { api_key: 'sk-1' }, 'forbidden_parameter', 'api_key'],
    ['headers', { extra_headers: {} }, 'forbidden_parameter', 'extra_headers'],
  ];
  test.each(problems)('%s is refused, with its name and the correction', (_, members, code, param) => {
    expect(parse(members)).toEqual({ problem: { code, param, message: expect.stringMatching(/^[^\n]{10,500}\.$/) } });
  });

  const full: JsonObject = {
    model: 'm',
    messages: [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'file', file: { file_id: 'f' } },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: 'c', content: [{ type: 'text', text: 'x' }] },
      { role: 'assistant', function_call: { name: 'f', arguments: '' } },
    ],
    tools: [{ type: 'function', function: { name: 'f', parameters: {}, strict: true } }],
    tool_choice: { type: 'function', function: { name: 'f' } },
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema: {} } },
    stop: ['a'],
    max_tokens: 5,
    temperature: 1,
    logprobs: true,
    top_logprobs: 2,
    reasoning: { effort: 'low' },
    metadata: { a: 'b' },
    models: ['a'],
    stream: true,
    stream_options: { include_usage: true },
  };

  test('any value in any place gives a request or a problem with a name', () => {
    expect(isFieldProblem(openaiChat.parseRequest(full))).toBe(false);
    const json = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(fc.nat(), json, (dice, foreign) => {
        const parsed = openaiChat.parseRequest(replaceOne(full, 1 + (dice % (countNodes(full) - 1)), foreign) as JsonObject);
        if (!isFieldProblem(parsed)) {
          // A parsed request can be sent to any target.
          expect(JSON.parse(openai.renderRequest(parsed, 'gpt-4.1').body)).toHaveProperty('messages');
          return;
        }
        const { code, message, param } = parsed.problem;
        expect(['missing_required_parameter', 'invalid_type', 'invalid_value', 'forbidden_parameter']).toContain(code);
        expect(message).toMatch(/^[^\p{C}]{10,500}$/u);
        expect(param).toMatch(/^[^\p{C}]{1,200}$/u);
      }),
      { numRuns: numRuns * 5 },
    );
  });

  interface Recorded {
    readonly id: string;
    readonly api: string;
    readonly status: number;
    readonly request: JsonObject | null;
  }
  const file = 'wire/openai.jsonl';
  /** The placeholder of the recordings for most of a long base64 text. */
  const cutMark = /\.\.\.\[trimmed \d+ chars\]/g;
  const recorded = recordedRows<Recorded>(file)
    .filter(({ api, status, request }) => api === 'chat' && status === 200 && request)
    .map(({ id, request }) => ({ id, request: JSON.parse(JSON.stringify(request).replaceAll(cutMark, '')) as JsonObject }));

  test.skipIf(recorded.length === 0)(`every recorded request that OpenAI accepted is accepted here${unlessRecorded(file)}`, () => {
    expect(recorded.length).toBeGreaterThan(700);
    const refused = recorded.flatMap(({ id, request }) => {
      const parsed = openaiChat.parseRequest(request);
      return isFieldProblem(parsed) ? [{ id, ...parsed.problem }] : [];
    });
    expect(refused).toEqual([]);
  });

  test.skipIf(recorded.length === 0)(`a recorded request that is parsed and rendered is the same request${unlessRecorded(file)}`, () => {
    for (const { id, request } of recorded) {
      const first = openaiChat.parseRequest(request) as ChatRequest;
      const { body, warnings } = openai.renderRequest(first, first.model);
      if (warnings.length > 0) continue;
      // Legacy calls are rendered in the newer form.
      const { unread: _, legacyFunctions: __, ...carried } = first;
      expect(openaiChat.parseRequest(JSON.parse(body)), id).toEqual(carried);
    }
  });
});

/** The format has room for one reasoning text, one text, one refusal and calls, in this order. */
const carriedContent = fc
  .record({
    reasoning: fc.option(words),
    text: fc.option(words),
    refusal: fc.option(words),
    calls: fc.array(call(true), { maxLength: 3 }),
  })
  .map(({ reasoning, text, refusal, calls }): readonly Part[] => [
    ...(reasoning === null ? [] : [{ type: 'reasoning', text: reasoning } as const]),
    ...(text === null ? [] : [{ type: 'text', text } as const]),
    ...(refusal === null ? [] : [{ type: 'refusal', text: refusal } as const]),
    ...calls,
  ]);

const carriedFinish = (content: readonly Part[]): fc.Arbitrary<Finish> => {
  const calls = content.some(part => part.type === 'tool-call');
  const finishes: readonly Finish[] = [
    calls ? { reason: 'tool-calls', raw: 'tool_calls' } : { reason: 'stop', raw: 'stop' },
    { reason: 'length', raw: 'length' },
    { reason: 'content-filter', raw: 'content_filter' },
    { reason: 'other', raw: 'pause_turn' },
  ];
  return fc.constantFrom(...finishes);
};

const carried = responses({ content: carriedContent, finish: carriedFinish });

describe('responses', () => {
  test('a non-streaming response can be parsed back', () => {
    fc.assert(
      fc.property(carried, response => {
        expect(openai.parseResponse(JSON.parse(openaiChat.renderResponse(response)))).toEqual(response);
      }),
      { numRuns },
    );
  });

  test('a streaming response can be parsed back, at any chunk borders', () => {
    fc.assert(
      fc.property(carried, fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 60 }), (response, chunks) => {
        expect(parseRechunked(openai, stream(response, true), chunks)).toEqual(response);
      }),
      { numRuns },
    );
  });

  const answer: ChatResponse = {
    id: 'r1',
    model: 'm1',
    created: 1_700_000_000,
    choices: [
      {
        index: 0,
        content: [
          { type: 'text', text: 'I look.' },
          { type: 'tool-call', id: 'c1', name: 'now', arguments: '{}' },
        ],
        finish: { reason: 'tool-calls', raw: 'tool_use' },
      },
    ],
    usage: { input: 9, output: 3, cached: 4, cacheWrite: 0, reasoning: 1, source: 'provider' },
    serviceTier: 'default',
    systemFingerprint: 'fp',
  };

  test('a non-streaming response has every member that clients read', () => {
    expect(JSON.parse(openaiChat.renderResponse(answer))).toEqual({
      id: 'r1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'm1',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'I look.',
            refusal: null,
            tool_calls: [{ id: 'c1', type: 'function', function: { name: 'now', arguments: '{}' } }],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: 9,
        completion_tokens: 3,
        total_tokens: 12,
        prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 1, audio_tokens: 0 },
      },
      service_tier: 'default',
      system_fingerprint: 'fp',
    });
  });

  test('a response without a creation time gets the current one', () => {
    const { created: _, ...undated } = answer;
    expect(JSON.parse(openaiChat.renderResponse(undated, 1_800_000_000)).created).toBe(1_800_000_000);
    const renderer = openaiChat.renderStream({ includeUsage: false, now: 1_800_000_000 });
    expect(eventsOf(undated).map(renderer.render).join('')).toContain('"created":1800000000');
  });

  test('features without a place in this format are left out', () => {
    const content: readonly Part[] = [
      { type: 'reasoning', text: 'Hm.', signature: 's' },
      { type: 'reasoning', text: '', redacted: 'r' },
      {
        type: 'text',
        text: 'a',
        citations: [
          { document: '0', title: 'A paper', raw: { type: 'char_location' } },
          { url: 'https://example.com', quote: 'words', span: { from: 0, to: 1 }, raw: { type: 'web_search_result_location' } },
        ],
      },
      { type: 'text', text: 'b' },
      { type: 'image', source: { type: 'inline', mediaType: 'image/png', data: 'iVBO' } },
    ];
    const response = { ...answer, choices: [{ index: 0, content, finish: { reason: 'refusal', raw: 'refusal' } as const }] };
    expect(JSON.parse(openaiChat.renderResponse(response)).choices[0]).toEqual({
      index: 0,
      message: {
        role: 'assistant',
        content: 'ab',
        refusal: null,
        reasoning_content: 'Hm.',
        reasoning_details: [
          { type: 'reasoning.text', text: 'Hm.', signature: 's', index: 0 },
          { type: 'reasoning.encrypted', data: 'r', index: 1 },
        ],
        images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } }],
        annotations: [
          {
            type: 'url_citation',
            url_citation: { url: 'https://example.com', title: 'https://example.com', start_index: 0, end_index: 1, content: 'words' },
          },
        ],
      },
      logprobs: null,
      finish_reason: 'content_filter',
    });
    expect(stream(response, false)).toMatch(/"signature":"s".*"data":"r"/s);
  });

  test('a stream has its role first, one id, one finish reason, one usage, and [DONE] last', () => {
    const lines = stream(answer, true).trim().split('\n\n');
    expect(lines.at(-1)).toBe('data: [DONE]');
    const chunks = lines.slice(0, -1).map(line => JSON.parse(line.slice('data: '.length)));
    for (const chunk of chunks) {
      expect(chunk).toMatchObject({ id: 'r1', object: 'chat.completion.chunk', created: 1_700_000_000, model: 'm1' });
    }
    expect(chunks.map(({ choices, usage }) => [choices[0]?.delta, choices[0]?.finish_reason, usage])).toEqual([
      [{ role: 'assistant', content: '', refusal: null }, null, null],
      [{ content: 'I look.' }, null, null],
      [{ tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'now', arguments: '' } }] }, null, null],
      [{ tool_calls: [{ index: 0, function: { arguments: '{}' } }] }, null, null],
      [{}, 'tool_calls', null],
      [undefined, undefined, expect.objectContaining({ total_tokens: 12 })],
    ]);
  });

  test('usage is sent only on request', () => {
    expect(stream(answer, false)).not.toContain('usage');
  });

  test('a stream that fails sends the error and nothing more: no finish reason, no usage, no [DONE]', () => {
    const renderer = openaiChat.renderStream({ includeUsage: true });
    const rendered = eventsOf(answer)
      .filter(event => event.type !== 'response-end')
      .map(renderer.render)
      .join('');
    const error: CallerError = { status: 502, type: 'upstream_error', code: 'upstream_truncated', message: 'Cut.', param: null };
    expect(renderer.fail(error)).toBe(
      'data: {"error":{"message":"Cut.","type":"upstream_error","param":null,"code":"upstream_truncated"}}\n\n',
    );
    expect(rendered).not.toContain('[DONE]');
    expect(rendered).not.toMatch(/"finish_reason":"|"total_tokens"/);
  });

  test('an error response has the shape that every client reads', () => {
    const error: CallerError = { status: 400, type: 'invalid_request_error', code: 'invalid_value', message: 'No.', param: 'n' };
    expect(openaiChat.renderFailure(error)).toBe(
      '{"error":{"message":"No.","type":"invalid_request_error","param":"n","code":"invalid_value"}}',
    );
  });
});

function stream(response: ChatResponse, includeUsage: boolean): string {
  const renderer = openaiChat.renderStream({ includeUsage });
  return eventsOf(response).map(renderer.render).join('') + renderer.end();
}

/** The value with its node number `at` replaced. */
function replaceOne(value: Json, at: number, foreign: Json): Json {
  let left = at;
  const walk = (node: Json): Json => {
    if (left-- === 0) return foreign;
    if (Array.isArray(node)) return node.map(walk);
    return node !== null && typeof node === 'object'
      ? Object.fromEntries(Object.entries(node).map(([key, member]) => [key, walk(member)]))
      : node;
  };
  return walk(value);
}

const countNodes = (node: Json): number =>
  1 + (node !== null && typeof node === 'object' ? Object.values(node).reduce<number>((sum, member) => sum + countNodes(member), 0) : 0);
