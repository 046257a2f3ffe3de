/** Random canonical requests in which every value that a target could lose is unique. */
import fc from 'fast-check';
import type { ChatRequest, MediaSource, Message, Part, Tool } from '../../gateway/core/chat/chat.ts';
import { maybe, together } from '../core/chat/chat-arbitraries.ts';

/** A placeholder that becomes a unique text. */
const mark = fc.constant('@');

const inline = (...types: readonly string[]): fc.Arbitrary<MediaSource> =>
  fc.record({ type: fc.constant('inline' as const), mediaType: fc.constantFrom(...types), data: fc.constant('@base64') });
const url: fc.Arbitrary<MediaSource> = fc.record({ type: fc.constant('url' as const), url: fc.constant('https://example.com/@') });
const file: fc.Arbitrary<MediaSource> = fc.record({ type: fc.constant('file' as const), id: fc.constant('file-@') });

const as = <T>(arbitrary: fc.Arbitrary<object>): fc.Arbitrary<T> => arbitrary as fc.Arbitrary<T>;

const text = as<Part>(
  together([fc.record({ type: fc.constant('text'), text: mark }), maybe('citations', fc.constant([{ raw: { cited_text: '@' } }]))]),
);
const image = as<Part>(
  together([
    fc.record({ type: fc.constant('image'), source: fc.oneof(inline('image/png', 'image/webp'), url, file) }),
    maybe('detail', fc.constantFrom('low', 'high')),
  ]),
);
const documentOf = as<Part>(
  together([
    fc.record({ type: fc.constant('document'), source: fc.oneof(inline('application/pdf', 'text/plain'), url, file) }),
    maybe('name', mark),
  ]),
);
const audio = as<Part>(fc.record({ type: fc.constant('audio'), source: fc.oneof(inline('audio/wav', 'audio/mpeg'), url) }));
const reasoning = as<Part>(
  fc.oneof(
    together([fc.record({ type: fc.constant('reasoning'), text: mark }), maybe('signature', mark)]),
    fc.record({ type: fc.constant('reasoning'), text: fc.constant(''), redacted: mark }),
  ),
);
const refusal = as<Part>(fc.record({ type: fc.constant('refusal'), text: mark }));
const call = as<Part>(
  together([
    fc.record({
      type: fc.constant('tool-call'),
      id: fc.constant('call_1'),
      name: mark,
      arguments: fc.constantFrom('{"place":"@"}', 'no json @'),
    }),
    maybe('signature', mark),
  ]),
);
const result = as<Part>(
  together([
    fc.record({
      type: fc.constant('tool-result'),
      id: fc.constant('call_1'),
      content: fc.array(fc.oneof(text, image, documentOf), { maxLength: 2 }),
    }),
    maybe('failed', fc.boolean()),
  ]),
);

const messageOf = (role: Message['role'], part: fc.Arbitrary<Part>, maxLength = 3): fc.Arbitrary<Message> =>
  as(together([fc.record({ role: fc.constant(role), content: fc.array(part, { minLength: 1, maxLength }) }), maybe('name', mark)]));
const prompts = fc.constantFrom('system', 'developer').chain(role => messageOf(role as Message['role'], text, 2));
const user = messageOf('user', fc.oneof(text, image, documentOf, audio));
const exchange = fc.tuple(
  messageOf('assistant', fc.oneof(text, reasoning, refusal)),
  as<Message>(fc.record({ role: fc.constant('assistant'), content: call.map(part => [part]) })),
  as<Message>(fc.record({ role: fc.constant('tool'), content: result.map(part => [part]) })),
);
const messages = fc
  .tuple(
    fc.array(prompts, { maxLength: 2 }),
    user,
    fc.array(exchange, { maxLength: 1 }),
    fc.array(fc.oneof(prompts, user), { maxLength: 1 }),
  )
  .map(([system, first, exchanges, last]) => [...system, first, ...exchanges.flat(), ...last]);

const schema = fc.constantFrom(
  { type: 'object', properties: { '@': { type: 'string' } }, required: ['@'], additionalProperties: false },
  { type: 'object', properties: { '@': { type: 'string', pattern: '^@$' } } },
  { type: 'object', additionalProperties: { type: 'string', description: '@' } },
);
const tool = as<Tool>(
  together([fc.record({ name: mark }), maybe('description', mark), maybe('parameters', schema), maybe('strict', fc.boolean())]),
);
const toolChoice = fc.oneof(
  fc.constantFrom({ type: 'auto' }, { type: 'none' }, { type: 'required' }),
  fc.constant({ type: 'tool', name: 'first' }),
);
const output = fc.oneof(
  fc.constantFrom({ type: 'text' }, { type: 'json' }),
  together([
    fc.record({ type: fc.constant('json-schema'), name: fc.constant('answer'), schema }),
    maybe('strict', fc.boolean()),
    maybe('description', mark),
  ]),
);
const thinking = fc.oneof(
  fc.record({ effort: fc.constantFrom('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max') }),
  fc.record({ budgetTokens: fc.constantFrom(0, 1_717, 7_171, 71_717) }),
);

/** Numbers with a different last digit for each field. */
const thousandths = (digit: number, max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max }).map(k => (k * 10 + digit) / 1000);

const members = [
  fc.record({ model: fc.constant('any'), messages, tools: fc.array(tool, { maxLength: 2 }), stream: fc.boolean() }),
  fc.record({
    stop: fc.array(mark, { maxLength: 7 }),
    extra: fc.constantFrom({}, { quantum: '@' }, { store: true, logit_bias: { '@': 1 } }),
  }),
  maybe('toolChoice', toolChoice),
  maybe('parallelToolCalls', fc.boolean()),
  maybe('maxOutputTokens', fc.constantFrom(2_323, 232_323)),
  maybe('temperature', thousandths(1, 199)),
  maybe('topP', thousandths(2, 99)),
  maybe('topK', fc.integer({ min: 200, max: 299 })),
  maybe('frequencyPenalty', thousandths(3, 199)),
  maybe('presencePenalty', thousandths(4, 199)),
  maybe('seed', fc.integer({ min: 1_000_000, max: 2_000_000 })),
  maybe('choices', fc.integer({ min: 1, max: 12 })),
  maybe('logprobs', fc.record({ top: fc.integer({ min: 0, max: 20 }) })),
  maybe('output', output),
  maybe('reasoning', thinking),
  maybe('user', mark),
  maybe('metadata', fc.constant({ team: '@' })),
  maybe('serviceTier', fc.constantFrom('auto', 'default', 'flex', 'priority', 'standard_only', '@')),
];

/** Every `@` becomes a word that occurs nowhere else in the request. */
export const anyRequest: fc.Arbitrary<ChatRequest> = together(members).map(request => {
  let count = 0;
  const word = (): string => `mk${count++}q`;
  const marked = JSON.stringify(request)
    .replace(/@base64/g, () => Buffer.from(`${word()}..`).toString('base64'))
    .replace(/@/g, word);
  const made = JSON.parse(marked) as ChatRequest;
  const [first] = made.tools;
  const { toolChoice: choice } = made;
  return choice?.type === 'tool' ? { ...made, toolChoice: first ? { type: 'tool', name: first.name } : { type: 'auto' } } : made;
});
