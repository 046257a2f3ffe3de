/** Random requests that OpenAI's chat completions can carry completely. */
import fc from 'fast-check';
import type { ChatRequest, Message, Part, Tool } from '../../gateway/core/chat/chat.ts';
import type { Json, JsonObject } from '../../gateway/core/chat/json.ts';
import { call, maybe, name, together, words } from '../core/chat/chat-arbitraries.ts';

export interface CarrierOptions {
  readonly model: string;
  /** OpenAI's own models accept the role developer; other vendors' models accept parameters that OpenAI's refuse. */
  readonly own: boolean;
}

/** JSON has no -0. */
const json = (maxDepth: number): fc.Arbitrary<Json> => fc.jsonValue({ maxDepth }).map(value => JSON.parse(JSON.stringify(value)) as Json);
const base64 = fc.base64String({ minLength: 4, maxLength: 40 });
const inline = (...mediaTypes: string[]): fc.Arbitrary<{ type: 'inline'; mediaType: string; data: string }> =>
  fc.record({ type: fc.constant('inline' as const), mediaType: fc.constantFrom(...mediaTypes), data: base64 });
const url = fc.record({ type: fc.constant('url' as const), url: fc.webUrl() });
const text = fc.record({ type: fc.constant('text' as const), text: words });

const content = fc.oneof(
  { weight: 3, arbitrary: text },
  together([
    fc.record({ type: fc.constant('image'), source: fc.oneof(url, inline('image/png', 'image/jpeg')) }),
    maybe('detail', fc.constantFrom('low', 'high', 'auto')),
  ]),
  fc.record({ type: fc.constant('document'), source: inline('application/pdf', 'text/plain'), name: words }),
  fc.record({ type: fc.constant('document'), source: fc.record({ type: fc.constant('file' as const), id: name }) }),
  fc.record({ type: fc.constant('audio'), source: inline('audio/mpeg', 'audio/wav') }),
) as fc.Arbitrary<Part>;

const parts = (part: fc.Arbitrary<Part>): fc.Arbitrary<readonly Part[]> => fc.array(part, { maxLength: 4 });
const refusal = fc.record({ type: fc.constant('refusal' as const), text: words });

const message = ({ own }: CarrierOptions): fc.Arbitrary<Message> =>
  fc.oneof(
    together([fc.record({ role: fc.constantFrom('system', ...(own ? ['developer'] : [])), content: parts(text) }), maybe('name', name)]),
    together([fc.record({ role: fc.constant('user'), content: parts(content) }), maybe('name', name)]),
    together([
      fc.tuple(parts(fc.oneof(text, refusal)), fc.array(call(!own), { maxLength: 3 })).map(([spoken, calls]) => ({
        role: 'assistant',
        content: [...spoken, ...calls],
      })),
      maybe('name', name),
    ]),
    together([
      fc.record({ type: fc.constant('tool-result'), id: fc.stringMatching(/^[\w-]{1,40}$/), content: parts(text) }),
      maybe('name', name),
    ]).map(result => ({ role: 'tool', content: [result] })),
  ) as fc.Arbitrary<Message>;

const schema = fc.dictionary(name, json(2), { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<JsonObject>;
const tool = together([
  fc.record({ name }),
  maybe('description', words),
  maybe('parameters', schema),
  maybe('strict', fc.boolean()),
]) as fc.Arbitrary<Tool>;

const tools = fc.oneof(
  fc.constant({ tools: [] }),
  together([
    fc.record({ tools: fc.array(tool, { minLength: 1, maxLength: 3 }) }),
    maybe(
      'toolChoice',
      fc.oneof(fc.record({ type: fc.constantFrom('auto', 'none', 'required') }), fc.record({ type: fc.constant('tool'), name })),
    ),
    maybe('parallelToolCalls', fc.boolean()),
  ]),
);

const output = fc.oneof(
  fc.record({ type: fc.constantFrom('text', 'json') }),
  together([fc.record({ type: fc.constant('json-schema'), name, schema }), maybe('strict', fc.boolean()), maybe('description', words)]),
);

const tenths = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min: min * 10, max: max * 10 }).map(x => x / 10);

export const openaiCarriableRequest = (carrier: CarrierOptions): fc.Arbitrary<ChatRequest> =>
  together([
    fc.record({
      model: fc.constant(carrier.model),
      messages: fc.array(message(carrier), { minLength: 1, maxLength: 5 }),
      stream: fc.boolean(),
      stop: fc.array(words, { maxLength: carrier.own ? 4 : 8 }),
      extra: fc.dictionary(
        fc.constantFrom('logit_bias', 'verbosity', 'prediction', 'x-vendor'),
        json(1).filter(value => value !== null),
        {
          noNullPrototype: true,
        },
      ),
    }),
    tools,
    maybe('maxOutputTokens', fc.integer({ min: 1, max: 1_000_000 })),
    maybe('temperature', tenths(0, 2)),
    maybe('topP', tenths(0, 1)),
    maybe('frequencyPenalty', tenths(-2, 2)),
    maybe('presencePenalty', tenths(-2, 2)),
    maybe('seed', fc.integer()),
    maybe('choices', fc.integer({ min: 1, max: 128 })),
    maybe('logprobs', fc.record({ top: fc.integer({ min: 0, max: 20 }) })),
    maybe('output', output),
    maybe('user', words),
    maybe('serviceTier', fc.constantFrom('auto', 'default', 'flex', 'priority')),
    ...(carrier.own
      ? []
      : [
          maybe('topK', fc.integer({ min: 1, max: 500 })),
          maybe('metadata', fc.dictionary(name, fc.string(), { maxKeys: 3, noNullPrototype: true })),
          maybe('reasoning', fc.record({ effort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max') })),
        ]),
  ]) as fc.Arbitrary<ChatRequest>;
