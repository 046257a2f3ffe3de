/** A value beyond a target's limit is sent within it, reported, and restored in the response: for every provider, rendered and in the caller's own bytes. */
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFieldProblem } from '../../gateway/core/chat/caller-format.ts';
import type { ChatRequest, ChatResponse } from '../../gateway/core/chat/chat.ts';
import type { Json, JsonObject } from '../../gateway/core/chat/json.ts';
import { type FieldLimits, limitsFor, type NameLimit } from '../../gateway/core/chat/limits/field-limits.ts';
import { fitBody } from '../../gateway/core/chat/limits/fit-body.ts';
import { fitToLimits } from '../../gateway/core/chat/limits/fit-request.ts';
import { hasRefNeighbours, isStrictSchema, withLoneRefs } from '../../gateway/core/chat/limits/fit-schema.ts';
import { restoreTools } from '../../gateway/core/chat/tool-forms.ts';
import { callerFormats } from '../../gateway/dialects/index.ts';
import { withToolNames } from '../../gateway/exchange/response/verbatim.ts';
import { providers } from '../../gateway/providers/index.ts';
import { runs } from '../runs.ts';

const sha256 = (text: string): string => hash('sha256', text);

/** Names of agents and frameworks: prefixed by servers, with dots, blanks and other scripts. */
const wildName = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9_.:/ -]{1,200}$/),
  fc.constantFrom('mcp__a-server-with-a-long-name__a_tool_whose_name_is_longer_than_sixty_four_letters_in_all', 'größe', '9lives', 'a b'),
);
const schemas: readonly JsonObject[] = [
  { type: 'object' },
  { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false },
  { type: 'object', properties: { a: { type: 'string' }, b: { type: 'number' } }, required: ['a'] },
  { type: 'object', properties: { a: { $ref: '#/$defs/A', description: 'The first.' } }, $defs: { A: { type: 'string', minLength: 1 } } },
  {
    type: 'object',
    properties: { a: { $ref: '#/$defs/A', title: 'T' } },
    $defs: { A: { properties: { next: { $ref: '#/$defs/A', title: 'N' } } } },
  },
];
const wildRequest: fc.Arbitrary<ChatRequest> = fc
  .record({
    user: fc.option(fc.oneof(fc.string({ maxLength: 300 }), fc.constant('ada@example.com')), { nil: undefined }),
    names: fc.uniqueArray(wildName, { minLength: 1, maxLength: 140 }),
    callId: fc.string({ minLength: 1, maxLength: 120 }),
    metadata: fc.dictionary(fc.string({ minLength: 1, maxLength: 90 }), fc.string({ maxLength: 600 }), { maxKeys: 20 }),
    outputName: wildName,
    stop: fc.array(fc.string({ minLength: 1, maxLength: 5 }), { maxLength: 20 }),
    parameters: fc.constantFrom(...schemas),
    roles: fc.array(fc.constantFrom('system', 'developer', 'user'), { maxLength: 4 }),
    later: fc.array(fc.constantFrom('system', 'developer', 'user', 'assistant'), { maxLength: 4 }),
    strict: fc.boolean(),
  })
  .map(({ user, names, callId, metadata, outputName, stop, parameters, roles, later, strict }) => ({
    ...{ model: 'm', stream: false, stop, extra: {}, metadata },
    ...(user === undefined ? {} : { user }),
    tools: names.map(name => ({ name, parameters, strict })),
    toolChoice: { type: 'tool', name: names[0]! },
    output: { type: 'json-schema', name: outputName, schema: parameters, strict },
    messages: [
      ...roles.map((role, i) => ({ role, content: [{ type: 'text' as const, text: `prompt ${i}` }] })),
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      { role: 'assistant', content: [{ type: 'tool-call', id: callId, name: names[0]!, arguments: '{}' }] },
      { role: 'tool', content: [{ type: 'tool-result', id: callId, name: names[0]!, content: [{ type: 'text', text: 'ok' }] }] },
      ...later.map((role, i) => ({ role, content: [{ type: 'text' as const, text: `later ${i}` }] })),
    ],
  }));

const takes = ({ lengthMax, letters, startsWithLetter }: NameLimit, text: string): boolean =>
  text.length <= lengthMax && new RegExp(`^[${letters}]+$`).test(text) && (!startsWithLetter || /^[a-zA-Z_]/.test(text));

const answerOf = (name: string): ChatResponse => ({
  ...{ id: 'r', model: 'm' },
  choices: [{ index: 0, content: [{ type: 'tool-call', id: 'c', name, arguments: '{}' }], finish: { reason: 'tool-calls', raw: '' } }],
});

const limited = Object.values(providers).flatMap(provider =>
  ['gpt-5', 'm'].flatMap(model => {
    const limits = limitsFor(provider.limits, model);
    return limits ? [{ name: `${provider.name}/${model}`, provider, limits }] : [];
  }),
);

describe.each(limited)('$name', ({ limits, provider: { renderRequest } }) => {
  test('gets every field within its limits, with a warning, and responses have the caller’s own names', () => {
    fc.assert(
      fc.property(wildRequest, chat => {
        const { chat: fitted, warnings, toolNames } = fitToLimits(chat, limits, sha256);
        const fields = warnings.map(({ field }) => field);
        expectToolsWithin(chat, fitted, limits, fields);
        fitted.tools.forEach(({ name }, i) => {
          const restored = restoreTools(answerOf(name), toolNames ? { toolNames } : {});
          expect(restored.choices[0]!.content).toMatchObject([{ name: chat.tools[i]!.name }]);
          expect(fields.includes(`tools[${i}].function.name`)).toBe(name !== chat.tools[i]!.name);
        });
        const parts = fitted.messages.flatMap(({ content }) => content);
        const call = parts.find(part => part.type === 'tool-call')!;
        expect(parts.find(part => part.type === 'tool-result')!.id).toBe(call.id);
        if (limits.callId) expect(takes(limits.callId, call.id)).toBe(true);
        expectFieldsWithin(chat, fitted, limits, fields);
        // The same request again, as in the next turn.
        expect(fitToLimits(chat, limits, sha256).chat).toEqual(fitted);
        expect(fitToLimits(fitted, limits, sha256).chat).toBe(fitted);
        expect(() => renderRequest(fitted, 'm')).not.toThrow();
      }),
      runs(40, 2_000),
    );
  });
});

function expectToolsWithin(chat: ChatRequest, { tools }: ChatRequest, limits: FieldLimits, fields: readonly string[]): void {
  if (limits.toolName) expect(tools.filter(({ name }) => !takes(limits.toolName!, name))).toEqual([]);
  expect(new Set(tools.map(({ name }) => name)).size).toBe(tools.length);
  expect(tools.length).toBeLessThanOrEqual(limits.toolCountMax ?? Number.POSITIVE_INFINITY);
  for (const [i, { parameters, strict }] of tools.entries()) {
    if (limits.refs) expect(hasRefNeighbours(parameters, 0)).toBe(false);
    if (limits.strictSchema && strict) expect(isStrictSchema(parameters, limits.strictSchema)).toBe(true);
    expect(fields.includes(`tools[${i}].function.strict`)).toBe(strict !== chat.tools[i]!.strict);
  }
}

function expectFieldsWithin(chat: ChatRequest, fitted: ChatRequest, limits: FieldLimits, fields: readonly string[]): void {
  if (limits.user && fitted.user !== undefined) {
    expect(takes(limits.user, fitted.user)).toBe(true);
    if (limits.user.refusesEmail) expect(fitted.user).not.toContain('@example.com');
    expect(fields.includes('user')).toBe(fitted.user !== chat.user);
  }
  expect(fields.includes('stop')).toBe(fitted.stop.length < chat.stop.length);
  expect(fitted.stop.length).toBeLessThanOrEqual(limits.stopCountMax ?? Number.POSITIVE_INFINITY);
  const entries = Object.entries(fitted.metadata ?? {});
  const lost = Object.keys(chat.metadata ?? {}).length - entries.length;
  expect(fields.filter(field => field.startsWith('metadata.')).length).toBe(lost);
  if (!limits.systemPrompts) return expect(fitted.messages.length).toBe(chat.messages.length);
  expect(fitted.messages.some(({ role }, i) => role === 'developer' || (role === 'system' && i > 0))).toBe(false);
  const textOf = ({ messages }: ChatRequest): string =>
    messages.flatMap(({ content }) => content.flatMap(part => (part.type === 'text' ? part.text.split('\n\n') : []))).join();
  expect(textOf(fitted)).toBe(textOf(chat));
  expect(fitted.messages.length).toBe(fitted.messagePaths?.length ?? chat.messages.length);
}

/** The body that a caller of each format would have sent for the chat; the limits of each provider of that wire format. */
const bodies: Readonly<Record<string, (chat: ChatRequest) => JsonObject>> = {
  'openai-chat': chat => JSON.parse(providers.openai!.renderRequest({ ...chat, extra: { store: true } }, 'gpt-4o').body) as JsonObject,
  'openai-responses': chat => JSON.parse(providers['openai-responses']!.renderRequest(chat, 'gpt-4o').body) as JsonObject,
  'anthropic-messages': chat => JSON.parse(providers.anthropic!.renderRequest(chat, 'm').body) as JsonObject,
  'gemini-generate': chat => JSON.parse(providers.gemini!.renderRequest(chat, 'm').body) as JsonObject,
};

describe.each(limited.filter(({ provider }) => Object.hasOwn(bodies, provider.wire)))(
  '$name, in the bytes of its own format',
  ({ limits, provider }) => {
    const format = callerFormats.find(({ wire }) => wire === provider.wire)!;
    const read = (body: JsonObject): ChatRequest | undefined => {
      const chat = format.parseRequest(body);
      return isFieldProblem(chat) ? undefined : chat;
    };

    test('is sent what a rendered request would say', () => {
      fc.assert(
        fc.property(wildRequest, wild => {
          const body = bodies[provider.wire]!({ ...wild, stop: wild.stop.slice(0, 4) });
          const chat = read(body);
          if (!chat) return;
          const { chat: fitted } = fitToLimits(chat, limits, sha256);
          const changes = fitBody(provider.wire, body, limits, sha256) as Readonly<Record<string, Json>>;
          if (fitted === chat) return expect(changes).toEqual({});
          const { messagePaths: _, ...repeated } = read({ ...body, ...changes })!;
          const { messagePaths: __, ...expected } = fitted;
          expect(repeated).toEqual(expected);
        }),
        runs(40, 2_000),
      );
    });
  },
);

test('the bytes of an answer get the caller’s own names, and nothing else changes', () => {
  const limits = limitsFor(providers.openai!.limits, 'gpt-5')!;
  fc.assert(
    fc.property(fc.uniqueArray(wildName, { minLength: 1, maxLength: 5 }), fc.string(), fc.boolean(), (names, text, isQuoted) => {
      const tools = names.map(name => ({ name }));
      const { chat, toolNames } = fitToLimits({ model: 'm', messages: [], tools, stream: false, stop: [], extra: {} }, limits, sha256);
      const [sent] = chat.tools.map(({ name }) => name);
      // The model may also say a name, in a text or in arguments.
      const said = isQuoted ? `${text}"${sent}"${text}` : text;
      const answer = (own: readonly { readonly name: string }[]): object => ({
        calls: own,
        content: said,
        arguments: JSON.stringify({ said }),
      });
      expect(JSON.parse(withToolNames(JSON.stringify(answer(chat.tools)), toolNames))).toEqual(answer(tools));
    }),
    runs(200, 5_000),
  );
});

test('a reference with neighbours is put in their place, and a recursive one keeps its end', () => {
  expect(withLoneRefs(schemas[3]!)).toMatchObject({ properties: { a: { type: 'string', minLength: 1, description: 'The first.' } } });
  expect(withLoneRefs(schemas[4]!)).toMatchObject({ properties: { a: { title: 'T', properties: { next: { $ref: '#/$defs/A' } } } } });
  const property = { type: 'object', properties: { $ref: { type: 'string' }, description: { type: 'string' } } };
  expect(withLoneRefs(property)).toEqual(property);
});

test('a request within the limits is the same object', () => {
  const chat: ChatRequest = { model: 'm', messages: [], tools: [{ name: 'look_up' }], stream: false, stop: [], extra: {}, user: 'u-1' };
  for (const { limits } of limited) expect(fitToLimits(chat, limits, sha256).chat).toBe(chat);
});

test('a long user id is cheap', () => {
  const chat: ChatRequest = { model: 'm', messages: [], tools: [], stream: false, stop: [], extra: {}, user: 'a@'.repeat(500_000) };
  expect(fitToLimits(chat, limitsFor(providers.anthropic!.limits, 'm'), sha256).chat.user).toHaveLength(64);
});
