/** No silent loss: every part of a request is in the target's body or named in a warning. For every provider. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatRequest, MediaSource, Part } from '../../gateway/core/chat/chat.ts';
import type { Json } from '../../gateway/core/chat/json.ts';
import type { RenderedRequest } from '../../gateway/core/chat/provider.ts';
import { providers } from '../../gateway/providers/index.ts';
import { anyRequest } from './any-request.ts';

/** One fact that a request states. */
interface Statement {
  /** Prefixes of the warning fields that may report its loss. */
  readonly fields: readonly string[];
  /** Whether the body contains it. */
  readonly isIn: (body: Body) => boolean;
}

interface Body {
  readonly text: string;
  /** Whether a member with a matching name has this value, at any depth. */
  has(name: RegExp, value: Json): boolean;
}

function bodyOf({ body }: RenderedRequest): Body {
  const value = JSON.parse(body) as Json;
  const holds = (here: Json, name: RegExp, wanted: Json, at: string): boolean => {
    if (name.test(at) && here === wanted) return true;
    if (Array.isArray(here)) return here.some(item => holds(item, name, wanted, at));
    return typeof here === 'object' && here !== null && Object.entries(here).some(([key, item]) => holds(item as Json, name, wanted, key));
  };
  return { text: JSON.stringify(value), has: (name, wanted) => holds(value, name, wanted, '') };
}

const statement = (word: string, ...fields: readonly string[]): Statement => ({ fields, isIn: ({ text }) => text.includes(word) });
const statementsOf = <T>(value: T | undefined, toStatements: (value: T) => readonly Statement[]): readonly Statement[] =>
  value === undefined ? [] : toStatements(value);

function statementsIn(request: ChatRequest): readonly Statement[] {
  return [
    ...request.messages.flatMap(ofMessage),
    ...ofTools(request),
    ...ofSampling(request),
    ...ofOutput(request),
    ...ofReasoning(request),
    ...ofRest(request),
  ];
}

function ofMessage({ name, content }: ChatRequest['messages'][number], index: number): readonly Statement[] {
  const path = `messages[${index}]`;
  return [
    ...statementsOf(name, word => [statement(word, `${path}.name`)]),
    ...content.flatMap((part, at) => ofPart(part, `${path}.content[${at}]`, path)),
  ];
}

/** A warning about a message or a part covers everything in it. */
function ofPart(part: Part, path: string, around: string): readonly Statement[] {
  const here = (word: string): readonly Statement[] => [statement(word, path, around)];
  switch (part.type) {
    case 'text':
      return [...here(part.text), ...statementsOf(part.citations, list => here(JSON.stringify(list).match(/mk\d+q/)![0]))];
    case 'refusal':
      return here(part.text);
    case 'image':
      return [
        ...ofSource(part.source, here),
        ...statementsOf(part.detail, word => [{ fields: [path], isIn: body => body.has(/detail|resolution/i, word) }]),
      ];
    case 'document':
      return [...ofSource(part.source, here), ...statementsOf(part.name, here)];
    case 'audio':
      return ofSource(part.source, here);
    case 'reasoning':
      return [part.text, part.signature, part.redacted].flatMap(word => (word ? here(word) : []));
    case 'tool-call':
      return [...here(part.name), ...here(part.arguments.match(/mk\d+q/)![0]), ...statementsOf(part.signature, here)];
    case 'tool-result': {
      const failed: Statement = { fields: [path], isIn: body => /"(is_?)?(error|failed)"/i.test(body.text) };
      return [...part.content.flatMap((inner, at) => ofPart(inner, `${path}.content[${at}]`, path)), ...(part.failed ? [failed] : [])];
    }
  }
}

function ofSource(source: MediaSource, here: (word: string) => readonly Statement[]): readonly Statement[] {
  if (source.type === 'url') return here(source.url.match(/mk\d+q/)![0]);
  if (source.type === 'file') return here(source.id.match(/mk\d+q/)![0]);
  const plain = Buffer.from(source.data, 'base64').toString();
  return here(source.data).map(({ fields }) => ({ fields, isIn: ({ text }) => text.includes(source.data) || text.includes(plain) }));
}

function ofTools({ tools, toolChoice, parallelToolCalls }: ChatRequest): readonly Statement[] {
  if (tools.length === 0) return []; // without tools a tool choice has no effect
  const statements = tools.flatMap(({ name, description, parameters, strict }, index): readonly Statement[] => {
    const path = `tools[${index}]`;
    const words = [name, description ?? '', JSON.stringify(parameters ?? '')].flatMap(text => text.match(/mk\d+q/g) ?? []);
    // Gemini enforces the schema of calls in the modes VALIDATED and ANY.
    const enforced = (body: Body): boolean =>
      body.has(/strict/i, true) || body.has(/^mode$/, 'VALIDATED') || body.has(/^mode$/, 'ANY') || body.has(/^mode$/, 'NONE');
    return [...words.map(word => statement(word, path)), ...(strict ? [{ fields: [path], isIn: enforced }] : [])];
  });
  const choice = (...values: readonly Json[]): Statement => ({
    fields: ['tool_choice'],
    isIn: body => values.some(value => body.has(/tool_?choice|^type$|^mode$/i, value) || body.text.includes(`"toolChoice":{"${value}"`)),
  });
  const many: Statement = {
    fields: ['parallel_tool_calls'],
    isIn: body => body.has(/parallel/i, false) || body.has(/disable_parallel/, true),
  };
  return [
    ...statements,
    ...(toolChoice?.type === 'none' ? [choice('none', 'NONE')] : []),
    ...(toolChoice?.type === 'required' ? [choice('required', 'any', 'ANY', 'REQUIRED')] : []),
    ...(toolChoice?.type === 'tool' ? [choice('tool', 'function', 'any', 'ANY', 'REQUIRED')] : []),
    ...(parallelToolCalls === false && toolChoice?.type !== 'none' ? [many] : []),
  ];
}

function ofSampling(request: ChatRequest): readonly Statement[] {
  const number = (value: number | undefined, name: RegExp, field: string): readonly Statement[] =>
    statementsOf(value, wanted => [{ fields: [field], isIn: body => body.has(name, wanted) }]);
  return [
    ...request.stop.map(word => statement(word, 'stop')),
    ...number(request.maxOutputTokens, /max_?(output_?|completion_?)?tokens/i, 'max_tokens'),
    ...number(request.temperature, /^temperature$/, 'temperature'),
    ...number(request.topP, /^(top_?)?p$/i, 'top_p'),
    ...number(request.topK, /^(top_?)?k$/i, 'top_k'),
    ...number(request.frequencyPenalty, /frequency_?penalty/i, 'frequency_penalty'),
    ...number(request.presencePenalty, /presence_?penalty/i, 'presence_penalty'),
    ...number(request.seed, /seed/i, 'seed'),
    ...(request.choices === 1 ? [] : number(request.choices, /^n$|candidateCount|num_generations/, 'n')),
    ...statementsOf(request.logprobs, ({ top }) => [
      {
        fields: ['logprobs'],
        isIn: (body: Body) => body.has(/logprobs/i, true) || body.has(/logprobs/i, top) || /logprobs"\]/.test(body.text),
      },
      ...(top > 0 ? number(top, /logprobs/i, 'logprobs').map(({ isIn }) => ({ fields: ['logprobs', 'top_logprobs'], isIn })) : []),
    ]),
  ];
}

function ofOutput({ output }: ChatRequest): readonly Statement[] {
  switch (output?.type) {
    case undefined:
    case 'text':
      return [];
    case 'json':
      return [{ fields: ['response_format'], isIn: ({ text }) => /json_object|application\/json/.test(text) }];
    case 'json-schema': {
      const words = JSON.stringify([output.schema, output.description ?? '']).match(/mk\d+q/g) ?? [];
      return words.map(word => statement(word, 'response_format'));
    }
  }
}

function ofReasoning({ reasoning }: ChatRequest): readonly Statement[] {
  const { effort, budgetTokens } = reasoning ?? {};
  const off = effort === 'none' || budgetTokens === 0;
  // A model that does not reason by default needs no parameter to turn it off.
  if (off) return [];
  const fields = ['reasoning_effort', 'reasoning'];
  return [
    ...statementsOf(effort, word => [{ fields, isIn: (body: Body) => body.has(/effort|thinkingLevel/, word) }]),
    ...statementsOf(budgetTokens, tokens => [
      { fields, isIn: (body: Body) => body.has(/budget/i, tokens) || body.has(/max_tokens/, tokens) },
    ]),
  ];
}

function ofRest({ user, metadata, serviceTier, extra, unread = [] }: ChatRequest): readonly Statement[] {
  const tier: Statement = {
    fields: ['service_tier'],
    isIn: body =>
      body.has(/tier/i, serviceTier!) ||
      body.has(/tier/i, 'default') ||
      body.has(/tier/i, 'standard_only') ||
      body.text.includes(`"serviceTier":{"type":"${serviceTier}"`),
  };
  const isDefault = serviceTier === undefined || serviceTier === 'auto' || serviceTier === 'default';
  return [
    ...statementsOf(user, word => [statement(word, 'user')]),
    ...statementsOf(metadata?.team, word => [statement(word, 'metadata')]),
    ...(isDefault ? [] : [tier]),
    ...Object.keys(extra).map(field => statement(JSON.stringify(field), field)),
    ...unread.map(field => statement(field, field)),
  ];
}

/** One model of each generation, because traits follow from the name. */
const models = [
  ...['gpt-4o', 'gpt-5', 'gpt-5.1', 'gpt-5.4', 'o1-mini', 'o3', 'gpt-4o-search-preview', 'deepseek-chat', 'qwen3-max', 'llama-3.3-70b'],
  ...[
    'claude-3-5-haiku-20241022',
    'claude-sonnet-4-5',
    'claude-opus-4-6',
    'claude-opus-5',
    'gemini-2.0-flash',
    'gemini-2.5-pro',
    'gemini-3-pro',
  ],
];

/** Dialects render like the format they belong to, with a list of exceptions, so they need fewer runs. */
const numRunsOf = (name: string): number => (process.env.HINDCAST_LONG ? 3_000 : providers[name]!.adapt ? 60 : 300);

describe.each(Object.keys(providers))('%s', name => {
  test('has every part of a request in its body or in its warnings', () => {
    fc.assert(
      fc.property(anyRequest, fc.constantFrom(...models), (request, model) => {
        const rendered = providers[name]!.renderRequest(request, model);
        const body = bodyOf(rendered);
        const owned = rendered.warnings.map(({ field }) => field);
        const lost = statementsIn(request).filter(
          ({ fields, isIn }) => !isIn(body) && !fields.some(field => owned.some(own => own.startsWith(field))),
        );
        expect(lost.map(({ fields }) => fields[0])).toEqual([]);
      }),
      { numRuns: numRunsOf(name) },
    );
  });
});
