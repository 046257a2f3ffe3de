/** Caller and target of one wire format: the bytes pass, with fields that were invented tomorrow, and only the model's name and the credentials change. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChatRequest } from '../../../gateway/core/chat/chat.ts';
import { scanObject } from '../../../gateway/core/chat/json.ts';
import type { Provider } from '../../../gateway/core/chat/provider.ts';
import type { RouteStep } from '../../../gateway/core/routing/router.ts';
import { geminiFor } from '../../../gateway/dialects/gemini.ts';
import { callerFormats } from '../../../gateway/dialects/index.ts';
import type { RoutedRequest } from '../../../gateway/exchange/contract.ts';
import { prepare } from '../../../gateway/exchange/routed-request.ts';
import { providers } from '../../../gateway/providers/index.ts';
import { type ReceivedRequest, type RunningGateway, startGateway, startUpstream, type Upstream } from '../harness.ts';

/** What a request of each wire format must say, and where its clients post it. */
interface Format {
  readonly body: object;
  readonly path: string;
  readonly api: string;
  /** The model stands in the path, and nowhere in the body. */
  readonly inPath?: true;
}

const formats: Readonly<Record<string, Format>> = {
  'openai-chat': { body: { messages: [{ role: 'user', content: 'hi' }] }, path: '/v1/chat/completions', api: 'openai' },
  'anthropic-messages': {
    body: { max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] },
    path: '/v1/messages',
    api: 'anthropic',
  },
  'openai-responses': { body: { input: 'hi' }, path: '/v1/responses', api: 'openai-responses' },
  'gemini-generate': {
    body: { contents: [{ role: 'user', parts: [{ text: 'hi' }] }] },
    path: '/v1beta/models/gemini/served:generateContent',
    api: 'gemini',
    inPath: true,
  },
};
/** Every one that some provider has, too: a new one needs a line above. */
const spoken = callerFormats
  .filter(({ wire }) => Object.values(providers).some(provider => provider.wire === wire))
  .map(dialect => (dialect.wire === 'gemini-generate' ? geminiFor('route', false, true) : dialect));

/** JSON text as somebody may write it: numbers past any precision, escapes, spaces. */
const literal = fc.oneof(
  fc.constantFrom('null', 'true', '9007199254740993', '1.0', '1e400', '-0', '"\\u00e9\\ud800"', '"\\/"', '{ }', '[ 1,2 ]'),
  fc.json({ maxDepth: 2 }).filter(text => !text.includes('__proto__')),
);
const invented = fc.uniqueArray(fc.tuple(fc.stringMatching(/^tomorrow_[a-z]{1,8}$/), literal), {
  maxLength: 4,
  selector: ([name]) => name,
});
const space = fc.constantFrom('', ' ', '\n\t');

interface Written {
  readonly text: string;
  /** The same with another model. */
  as(model: string): string;
}

/** The members in any order and any spacing, the model among them. */
const writtenOf = ({ body, inPath }: Format): fc.Arbitrary<Written> =>
  fc.tuple(invented, space, fc.nat(20)).map(([extra, gap, at]) => {
    const members = [...Object.entries(body).map(([name, value]) => [name, JSON.stringify(value)] as const), ...extra];
    const place = at % (members.length + 1);
    const write = (model: string): string => {
      const named = inPath ? [] : [['model', JSON.stringify(model)] as const];
      const all = [...members.slice(0, place), ...named, ...members.slice(place)];
      return `{${gap}${all.map(([name, json]) => `"${name}"${gap}:${gap}${json}`).join(`${gap},${gap}`)}${gap}}`;
    };
    return { text: write('route'), as: write };
  });

const numRuns = process.env.HINDCAST_LONG ? 1_000 : 25;

function prepared(text: string, dialect: (typeof callerFormats)[number], provider: Provider) {
  const scan = scanObject(text);
  if (!scan.ok) return undefined; // a random text may hold a key twice
  const chat = dialect.parseRequest(scan.value) as ChatRequest;
  expect(chat).not.toHaveProperty('problem');
  return prepare(
    { dialect, chat, body: Buffer.from(text), raw: { text, members: scan.members } } as unknown as RoutedRequest,
    {} as RouteStep,
    provider,
    'other-model',
  );
}

describe.each(spoken.map(dialect => [dialect.name, dialect] as const))('a request in %s', (_, dialect) => {
  const format = formats[dialect.wire]!;
  const targets = Object.values(providers).filter(({ wire, adapt }) => wire === dialect.wire && !adapt);

  test(`reaches ${targets.map(({ name }) => name).join(', ')} byte for byte, but for its model`, () => {
    expect(targets.length).toBeGreaterThan(0);
    fc.assert(
      fc.property(writtenOf(format), fc.constantFrom(...targets), (written, provider) => {
        const sent = prepared(written.text, dialect, provider);
        if (!sent) return;
        expect(sent).toMatchObject({ isVerbatim: true, warnings: [], body: written.as('other-model') });
      }),
      { numRuns },
    );
  });
});

describe('a vendor with a dialect of its own', () => {
  const vendors = Object.values(providers).filter(({ adapt }) => adapt);

  test.each(vendors.map(provider => [provider.name, provider] as const))('%s is sent what tomorrow invents', (_, provider) => {
    const dialect = spoken.find(({ wire }) => wire === provider.wire)!;
    fc.assert(
      fc.property(writtenOf(formats[dialect.wire]!), written => {
        const sent = prepared(written.text, dialect, provider);
        if (!sent) return;
        expect(sent.isVerbatim).toBe(true);
        const [before, after] = [scanObject(written.text), scanObject(sent.body)];
        if (!before.ok || !after.ok) throw new Error('not JSON any more');
        const named = new Set(sent.warnings.map(({ field }) => field));
        const textIn = (text: string, scan: typeof before, name: string): string | undefined => {
          const span = scan.members.get(name);
          return span && text.slice(span.start, span.end);
        };
        for (const name of before.members.keys()) {
          if (name === 'model' || named.has(name)) continue;
          expect([name, textIn(sent.body, after, name)]).toEqual([name, textIn(written.text, before, name)]);
        }
      }),
      { numRuns },
    );
  });
});

describe('over real sockets', () => {
  let provider: Upstream;
  let gateway: RunningGateway;
  let content: { readonly type: string; readonly text: string } = { type: 'application/json', text: '{}' };

  beforeAll(async () => {
    provider = await startUpstream(response => {
      response.writeHead(200, { 'content-type': content.type }).end(content.text);
    });
    const root = provider.url.replace(/\/v1$/, '');
    const account = (api: string): string =>
      `{ api: ${api}, base_url: "${api === 'anthropic' || api === 'gemini' ? root : provider.url}", key: sk-of-the-gateway, allow_private: true }`;
    gateway = await startGateway(`providers:
  openai: ${account('openai')}
  openai-responses: ${account('openai-responses')}
  anthropic: ${account('anthropic')}
  gemini: ${account('gemini')}`);
  });
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
  });

  async function exchanged(
    wire: string,
    body: object,
    answer: typeof content,
    at?: string,
  ): Promise<{ readonly text: string; readonly asked: ReceivedRequest }> {
    content = answer;
    const { path, api, inPath } = formats[wire]!;
    const answered = await fetch(gateway.url + (at ?? path), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer of-the-caller' },
      body: JSON.stringify(inPath ? body : { ...body, model: `${api}/served` }),
    });
    const text = await answered.text();
    expect([answered.status, text]).toEqual([200, text]);
    return { text, asked: provider.requests.at(-1)! };
  }

  const answers: Readonly<Record<string, object>> = {
    'openai-chat': {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model: 'served-1',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello', tomorrow: [1] }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2, tomorrow_tokens: 3 },
    },
    'anthropic-messages': {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'served-1',
      content: [{ type: 'text', text: 'hello', tomorrow: [1] }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1, tomorrow_tokens: 3 },
    },
    'gemini-generate': {
      candidates: [{ content: { role: 'model', parts: [{ text: 'hello', tomorrow: [1] }] }, finishReason: 'STOP', index: 0 }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2, tomorrowTokenCount: 3 },
      modelVersion: 'served-1',
      responseId: 'r1',
    },
    'openai-responses': {
      id: 'resp_1',
      object: 'response',
      created_at: 1,
      status: 'completed',
      model: 'served-1',
      output: [
        {
          type: 'message',
          id: 'msg_1',
          role: 'assistant',
          status: 'completed',
          content: [{ type: 'output_text', text: 'hello', annotations: [], tomorrow: 1 }],
        },
      ],
      usage: { input_tokens: 1, output_tokens: 1, total_tokens: 2, tomorrow_tokens: 3 },
    },
  };

  test.each(spoken.map(({ wire }) => wire))('an answer in %s comes as it left its provider, and the key is the gateway’s', async wire => {
    // Spacing and numbers as no serialiser would write them.
    const text = JSON.stringify({ tomorrow: { deep: '#' }, ...answers[wire] }, null, 3).replace('"#"', '1.0e2');
    const body = { ...formats[wire]!.body, tomorrow: { a: [1] } };
    const { text: reported, asked: requested } = await exchanged(wire, body, { type: 'application/json', text });
    expect(reported).toBe(text);
    expect(JSON.parse(requested.body)).toEqual(formats[wire]!.inPath ? body : { ...body, model: 'served' });
    expect(JSON.stringify(requested.headers)).toContain('sk-of-the-gateway');
    expect(JSON.stringify(requested.headers)).not.toContain('of-the-caller');
  });

  test('so do the events of a stream of chat completions', async () => {
    const chunk = (delta: object, finish: string | null = null): string =>
      `{"id":"chatcmpl-1", "object":"chat.completion.chunk","tomorrow":1.50,"model":"served-1","created":1,"choices":[{"index":0,"delta":${JSON.stringify(delta)},"finish_reason":${JSON.stringify(finish)}}]}`;
    const usage =
      '{"id":"chatcmpl-1","choices":[],"model":"served-1","usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},"tomorrow":[ ]}';
    const events = [
      chunk({ role: 'assistant', content: '' }),
      chunk({ content: 'hel' }),
      chunk({ content: 'lo', tomorrow: true }),
      chunk({}, 'stop'),
      usage,
    ];
    const text = [...events, '[DONE]'].map(data => `data: ${data}\n\n`).join('');
    const body = { ...formats['openai-chat']!.body, stream: true, stream_options: { include_usage: true } };
    expect((await exchanged('openai-chat', body, { type: 'text/event-stream', text })).text).toBe(text);
  });

  test('and those of generated contents, whatever ends their lines', async () => {
    const part = (text: string, more: object): string =>
      JSON.stringify({
        candidates: [{ content: { role: 'model', parts: [{ text, tomorrow: 1 }] }, index: 0, ...more }],
        modelVersion: 'served-1',
      });
    const usageMetadata = { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 };
    const last = JSON.stringify({ candidates: [{ finishReason: 'STOP', index: 0 }], usageMetadata, tomorrow: '\u00e9' });
    const events = [part('hel', {}), part('lo', { tomorrow: [] }), last].map(data => `data: ${data}`);
    const answer = { type: 'text/event-stream', text: events.map(event => `${event}\r\n\r\n`).join('') };
    const at = '/v1beta/models/gemini/served:streamGenerateContent?alt=sse';
    const { text } = await exchanged('gemini-generate', formats['gemini-generate']!.body, answer, at);
    expect(text.split(/(?:\r?\n){2}/).filter(event => event !== '')).toEqual(events);
  });

  test('and those of a response', async () => {
    const response = { id: 'resp_1', object: 'response', created_at: 1, status: 'in_progress', model: 'served-1', output: [], tomorrow: 1 };
    const item = {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'hello', annotations: [] }],
    };
    const events = [
      { type: 'response.created', sequence_number: 0, response },
      { type: 'response.output_item.added', sequence_number: 1, output_index: 0, item: { ...item, content: [], status: 'in_progress' } },
      {
        type: 'response.content_part.added',
        sequence_number: 2,
        item_id: 'msg_1',
        output_index: 0,
        content_index: 0,
        part: { type: 'output_text', text: '', annotations: [] },
      },
      {
        type: 'response.output_text.delta',
        sequence_number: 3,
        item_id: 'msg_1',
        output_index: 0,
        content_index: 0,
        delta: 'hello',
        tomorrow: { a: 1 },
      },
      { type: 'response.tomorrow.done', sequence_number: 4, anything: [1] },
      { type: 'response.output_item.done', sequence_number: 5, output_index: 0, item },
      { type: 'response.completed', sequence_number: 6, response: { ...answers['openai-responses'], tomorrow: 2 } },
    ];
    const text = events.map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
    const body = { ...formats['openai-responses']!.body, stream: true };
    expect((await exchanged('openai-responses', body, { type: 'text/event-stream', text })).text).toBe(text);
  });

  test('and those of a stream of messages', async () => {
    const events = [
      { type: 'message_start', message: { ...answers['anthropic-messages'], content: [], stop_reason: null }, tomorrow: 1 },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '', tomorrow: 2 } },
      { type: 'ping' },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hello' } },
      { type: 'content_block_stop', index: 0 },
      { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null, tomorrow: 3 }, usage: { output_tokens: 1 } },
      { type: 'message_stop' },
    ];
    const text = events.map(event => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');
    const body = { ...formats['anthropic-messages']!.body, stream: true };
    expect((await exchanged('anthropic-messages', body, { type: 'text/event-stream', text })).text).toBe(text);
  });
});
