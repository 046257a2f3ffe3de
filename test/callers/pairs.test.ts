/** Every caller's dialect with every provider's wire format, streaming and non-streaming, over real sockets. Prints the matrix; every gap has a named reason. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChatResponse, Part } from '../../gateway/core/chat/chat.ts';
import { collectResponse } from '../../gateway/core/chat/collect.ts';
import type { Json } from '../../gateway/core/chat/json.ts';
import { providers } from '../../gateway/providers/index.ts';
import { sseDecoder } from '../../gateway/transport/frames.ts';
import { type RunningGateway, startGateway } from '../gateway/harness.ts';
import {
  citySchema,
  providersYaml,
  redPixel,
  type Scenario,
  type ScriptedUpstream,
  scenarios,
  startScriptedUpstream,
} from './scripted-upstream.ts';

const targets = ['openai', 'responses', 'anthropic', 'gemini'] as const;
const features = ['text', 'tools', 'images', 'structured', 'reasoning', 'names', 'prompts'] as const;
type Feature = (typeof features)[number];

interface CallerKind {
  readonly provider: string;
  path(model: string, stream: boolean): string;
  body(model: string, stream: boolean, feature: Feature): object;
}

const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
const sceneOf = (feature: Feature): string => `scene:${sceneFor(feature)}`;
const picture = `data:image/png;base64,${redPixel}`;

/** The same five requests in each dialect. */
const callers: Readonly<Record<string, CallerKind>> = {
  openai: {
    provider: 'openai',
    path: () => '/v1/chat/completions',
    body: (model, stream, feature) => ({
      model,
      stream,
      stream_options: stream ? { include_usage: true } : undefined,
      max_tokens: 4_000,
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content:
            feature === 'images'
              ? [
                  { type: 'text', text: sceneOf(feature) },
                  { type: 'image_url', image_url: { url: picture } },
                ]
              : sceneOf(feature),
        },
      ],
      ...(feature === 'tools' ? { tools: [{ type: 'function', function: { name: 'weather', parameters } }], tool_choice: 'required' } : {}),
      ...(feature === 'structured'
        ? { response_format: { type: 'json_schema', json_schema: { name: 'city', schema: citySchema, strict: true } } }
        : {}),
      ...(feature === 'reasoning' ? { reasoning_effort: 'low' } : {}),
    }),
  },
  responses: {
    provider: 'openai-responses',
    path: () => '/v1/responses',
    body: (model, stream, feature) => ({
      model,
      stream,
      max_output_tokens: 4_000,
      instructions: 'Be brief.',
      input: [
        {
          role: 'user',
          content:
            feature === 'images'
              ? [
                  { type: 'input_text', text: sceneOf(feature) },
                  { type: 'input_image', image_url: picture },
                ]
              : sceneOf(feature),
        },
      ],
      ...(feature === 'tools' ? { tools: [{ type: 'function', name: 'weather', parameters }], tool_choice: 'required' } : {}),
      ...(feature === 'structured' ? { text: { format: { type: 'json_schema', name: 'city', schema: citySchema, strict: true } } } : {}),
      ...(feature === 'reasoning' ? { reasoning: { effort: 'low' } } : {}),
    }),
  },
  anthropic: {
    provider: 'anthropic',
    path: () => '/v1/messages',
    body: (model, stream, feature) => ({
      model,
      stream,
      max_tokens: 4_000,
      system: 'Be brief.',
      messages: [
        {
          role: 'user',
          content:
            feature === 'images'
              ? [
                  { type: 'image', source: { type: 'base64', media_type: 'image/png', data: redPixel } },
                  { type: 'text', text: sceneOf(feature) },
                ]
              : sceneOf(feature),
        },
      ],
      ...(feature === 'tools' ? { tools: [{ name: 'weather', input_schema: parameters }], tool_choice: { type: 'any' } } : {}),
      ...(feature === 'structured' ? { output_config: { format: { type: 'json_schema', schema: citySchema } } } : {}),
      ...(feature === 'reasoning' ? { thinking: { type: 'enabled', budget_tokens: 2_000 } } : {}),
    }),
  },
  gemini: {
    provider: 'gemini',
    path: (model, stream) => `/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    body: (_model, _stream, feature) => ({
      systemInstruction: { parts: [{ text: 'Be brief.' }] },
      contents: [
        {
          role: 'user',
          parts: [{ text: sceneOf(feature) }, ...(feature === 'images' ? [{ inlineData: { mimeType: 'image/png', data: redPixel } }] : [])],
        },
      ],
      ...(feature === 'tools'
        ? {
            tools: [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: parameters }] }],
            toolConfig: { functionCallingConfig: { mode: 'ANY' } },
          }
        : {}),
      generationConfig: {
        maxOutputTokens: 4_000,
        ...(feature === 'structured' ? { responseMimeType: 'application/json', responseJsonSchema: citySchema } : {}),
        ...(feature === 'reasoning' ? { thinkingConfig: { thinkingLevel: 'low', includeThoughts: true } } : {}),
      },
    }),
  },
};

const longName = 'mcp__a-server-with-a-rather-long-name__search_all_documents_of_the_project_and_summarise_them';

// biome-ignore lint/suspicious/noExplicitAny: bodies of any format, extended
type Body = any;

/** What agents add to the plain request of each dialect: a tool with a long name, and a second system prompt. */
const agentFeatures: Readonly<Record<string, { names(body: Body): Body; prompts(body: Body): Body }>> = {
  openai: {
    names: body => ({ ...body, tools: [{ type: 'function', function: { name: longName, parameters } }] }),
    prompts: body => ({ ...body, messages: [body.messages[0], { role: 'developer', content: 'Be kind.' }, ...body.messages.slice(1)] }),
  },
  responses: {
    names: body => ({ ...body, tools: [{ type: 'function', name: longName, parameters }] }),
    prompts: body => ({ ...body, input: [{ role: 'developer', content: 'Be kind.' }, ...body.input] }),
  },
  anthropic: {
    names: body => ({ ...body, tools: [{ name: longName, input_schema: parameters }] }),
    prompts: body => ({ ...body, system: ['Be brief.', 'Be kind.'].map(text => ({ type: 'text', text })) }),
  },
  gemini: {
    names: body => ({ ...body, tools: [{ functionDeclarations: [{ name: longName, parametersJsonSchema: parameters }] }] }),
    prompts: body => ({ ...body, systemInstruction: { parts: [{ text: 'Be brief.' }, { text: 'Be kind.' }] } }),
  },
};

const bodyOf = (caller: string, model: string, stream: boolean, feature: Feature): object => {
  const body = callers[caller]!.body(model, stream, feature);
  return feature === 'names' || feature === 'prompts' ? agentFeatures[caller]![feature](body) : body;
};
const sceneFor = (feature: Feature): Scenario => (feature === 'names' || feature === 'prompts' ? 'text' : feature);

let upstream: ScriptedUpstream;
let gateway: RunningGateway;
const cells = new Map<string, string>();
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  gateway = await startGateway(providersYaml(upstream.url));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  console.log(matrix());
});

/** What a target was sent, by the members of each format. */
const received: Readonly<Record<Feature, RegExp>> = {
  text: /Be brief\./,
  tools: /"weather".*"(?:required|any|ANY)"/s,
  images: new RegExp(redPixel.slice(0, 60).replace(/[+/]/g, '\\$&')),
  structured: /"(?:json_schema|responseJsonSchema)".*degrees/s,
  names: /"mcp__a-server-with-a-rather-long-name__search_all_d[\w-]*"/,
  prompts: /Be brief\..*Be kind\./s,
  reasoning: /"reasoning_effort"|"effort"|"thinking"|"thinkingBudget"|"thinkingLevel"/,
};

/** Features that do not pass completely, with the reason; any other gap fails. */
const reasons: readonly { readonly at: (caller: string, target: string, feature: Feature) => boolean; readonly why: string }[] = [];

/** Features that pass in the target's own way, with the warning; any other warning fails. */
const approximations: readonly { readonly at: (caller: string, target: string, feature: Feature) => boolean; readonly warning: string }[] =
  [
    {
      at: (caller, target, feature) => caller === 'anthropic' && feature === 'reasoning' && (target === 'openai' || target === 'responses'),
      warning: 'approximated thinking.max_tokens',
    },
    {
      at: (_, target, feature) => feature === 'names' && target !== 'anthropic',
      warning: 'approximated tools[0].function.name',
    },
  ];

describe.each(Object.keys(callers))('%s', caller => {
  describe.each(targets)(`to %s`, target => {
    test.each([false, true])('streaming: %s', async stream => {
      for (const feature of features) {
        const key = `${caller} ${target} ${stream} ${feature}`;
        cells.set(key, 'FAILED');
        const { response, warnings } = await ask(caller, `to-${target}`, stream, feature);
        const why = reasons.find(({ at }) => at(caller, target, feature))?.why;
        const expected = approximations.find(({ at }) => at(caller, target, feature))?.warning ?? '';
        if (why === undefined) expect(upstream.lastRequest().text, key).toMatch(received[feature]);
        expect(warnings, key).toBe(expected);
        expect(essence(response), key).toEqual(essence(scenarios[sceneFor(feature)]));
        cells.set(key, why === undefined ? (warnings === '' ? 'exact' : 'warned') : 'reason');
      }
    });
  });
});

test('every gap has a reason', () => {
  expect([...cells].filter(([, cell]) => cell === 'FAILED')).toEqual([]);
  expect(cells.size).toBe(4 * 4 * 2 * features.length);
});

async function ask(
  caller: string,
  model: string,
  stream: boolean,
  feature: Feature,
): Promise<{ response: ChatResponse; warnings: string }> {
  const { provider: name, path } = callers[caller]!;
  const provider = providers[name]!;
  const answer = await fetch(gateway.url + path(model, stream), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(bodyOf(caller, model, stream, feature)),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  const warnings = answer.headers.get('x-hindcast-warnings') ?? '';
  if (!stream) return { response: responseOf(provider.parseResponse(JSON.parse(text) as Json)), warnings };
  const parser = provider.parseStream();
  const events = [];
  const frames = sseDecoder({ event: event => void events.push(...parser.parse(event)), comment: () => {}, overflow: () => {} });
  frames.feed(Buffer.from(text));
  frames.end();
  const end = parser.end();
  if (!end.complete) throw new Error(end.failure.message);
  events.push(...end.events);
  return { response: responseOf(collectResponse(events)), warnings };
}

function responseOf(response: ReturnType<typeof collectResponse>): ChatResponse {
  if ('kind' in response) throw new Error(response.message);
  return response;
}

/** What must pass between any two formats: text, thinking, calls, finish reason and usage. */
function essence({ choices, usage, model }: ChatResponse): object {
  const { content, finish } = choices[0]!;
  const texts = (type: 'text' | 'reasoning'): string => content.map(part => (part.type === type ? part.text : '')).join('');
  const calls = content.filter((part): part is Part & { type: 'tool-call' } => part.type === 'tool-call');
  return {
    model,
    text: texts('text'),
    thought: texts('reasoning'),
    calls: calls.map(call => [call.name, JSON.parse(call.arguments)]),
    reason: finish.reason,
    tokens: [usage?.input, usage?.output, usage?.cached],
  };
}

function matrix(): string {
  const mark: Readonly<Record<string, string>> = { exact: '=', warned: '~', reason: 'r', FAILED: 'X' };
  const lines = Object.keys(callers).flatMap(caller =>
    targets.map(target => {
      const cell = (stream: boolean): string =>
        features.map(feature => mark[cells.get(`${caller} ${target} ${stream} ${feature}`) ?? ''] ?? ' ').join('    ');
      return `${caller.padEnd(10)} -> ${target.padEnd(10)} ${cell(false)}  |  ${cell(true)}`;
    }),
  );
  const head = `${'caller'.padEnd(10)}    ${'target'.padEnd(10)} ${`json: ${features.join(' ')}`}  |  stream: the same`;
  const reported = [...reasons.map(({ why }) => `  r: ${why}`), ...approximations.map(({ warning }) => `  ~: ${warning}`)];
  return [head, ...lines, '= exact   ~ approximated, and the caller is told   r not whole, for a reason   X failed', ...reported].join(
    '\n',
  );
}
