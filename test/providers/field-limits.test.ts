/** A value beyond a target's limit is sent within it, reported, and restored in the response. For every provider. */
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatRequest, ChatResponse } from '../../gateway/core/chat/chat.ts';
import type { NameLimit } from '../../gateway/core/chat/field-limits.ts';
import { fitToLimits } from '../../gateway/core/chat/fit-request.ts';
import { restoreTools } from '../../gateway/core/chat/tool-forms.ts';
import { providers } from '../../gateway/providers/index.ts';

const sha256 = (text: string): string => hash('sha256', text);

/** Names of agents and frameworks: prefixed by servers, with dots, blanks and other scripts. */
const wildName = fc.oneof(
  fc.stringMatching(/^[a-zA-Z0-9_.:/ -]{1,200}$/),
  fc.constantFrom('mcp__a-server-with-a-long-name__a_tool_whose_name_is_longer_than_sixty_four_letters_in_all', 'größe', '9lives', 'a b'),
);
const wildRequest: fc.Arbitrary<ChatRequest> = fc
  .record({
    user: fc.option(fc.oneof(fc.string({ maxLength: 300 }), fc.constant('ada@example.com')), { nil: undefined }),
    names: fc.uniqueArray(wildName, { minLength: 1, maxLength: 140 }),
    callId: fc.string({ minLength: 1, maxLength: 120 }),
    metadata: fc.dictionary(fc.string({ minLength: 1, maxLength: 90 }), fc.string({ maxLength: 600 }), { maxKeys: 20 }),
    outputName: wildName,
  })
  .map(({ user, names, callId, metadata, outputName }) => ({
    ...{ model: 'm', stream: false, stop: [], extra: {}, metadata },
    ...(user === undefined ? {} : { user }),
    tools: names.map(name => ({ name, parameters: { type: 'object' } })),
    toolChoice: { type: 'tool', name: names[0]! },
    output: { type: 'json-schema', name: outputName, schema: {} },
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      { role: 'assistant', content: [{ type: 'tool-call', id: callId, name: names[0]!, arguments: '{}' }] },
      { role: 'tool', content: [{ type: 'tool-result', id: callId, name: names[0]!, content: [{ type: 'text', text: 'ok' }] }] },
    ],
  }));

const takes = ({ lengthMax, letters, startsWithLetter }: NameLimit, text: string): boolean =>
  text.length <= lengthMax && new RegExp(`^[${letters}]+$`).test(text) && (!startsWithLetter || /^[a-zA-Z_]/.test(text));

const answerOf = (name: string): ChatResponse => ({
  ...{ id: 'r', model: 'm' },
  choices: [{ index: 0, content: [{ type: 'tool-call', id: 'c', name, arguments: '{}' }], finish: { reason: 'tool-calls', raw: '' } }],
});

describe.each(Object.values(providers).filter(({ limits }) => limits))('$name', ({ limits, renderRequest }) => {
  test('gets every field within its limits, with a warning, and responses have the caller’s own names', () => {
    fc.assert(
      fc.property(wildRequest, chat => {
        const { chat: fitted, warnings, toolNames } = fitToLimits(chat, limits, sha256);
        const fields = warnings.map(({ field }) => field);
        if (limits?.toolName) {
          expect(fitted.tools.filter(({ name }) => !takes(limits.toolName!, name))).toEqual([]);
          expect(new Set(fitted.tools.map(({ name }) => name)).size).toBe(fitted.tools.length);
        }
        expect(fitted.tools.length).toBeLessThanOrEqual(limits?.toolCountMax ?? Number.POSITIVE_INFINITY);
        fitted.tools.forEach(({ name }, i) => {
          const original = chat.tools[i]!.name;
          const restored = restoreTools(answerOf(name), toolNames ? { toolNames } : {});
          expect(restored.choices[0]!.content).toMatchObject([{ name: original }]);
          expect(fields.includes(`tools[${i}].function.name`)).toBe(name !== original);
        });
        const [, call, result] = fitted.messages.map(({ content }) => content[0]);
        if (call?.type !== 'tool-call' || result?.type !== 'tool-result') throw new Error('parts changed their kind');
        expect(call.id).toBe(result.id);
        if (limits?.callId) expect(takes(limits.callId, call.id)).toBe(true);
        if (limits?.user && fitted.user !== undefined) {
          expect(takes(limits.user, fitted.user)).toBe(true);
          if (limits.user.refusesEmail) expect(fitted.user).not.toContain('@example.com');
          expect(fields.includes('user')).toBe(fitted.user !== chat.user);
        }
        const entries = Object.entries(fitted.metadata ?? {});
        const lost = Object.keys(chat.metadata ?? {}).length - entries.length;
        expect(fields.filter(field => field.startsWith('metadata.')).length).toBe(lost);
        // The same request again, as in the next turn.
        expect(fitToLimits(chat, limits, sha256).chat).toEqual(fitted);
        expect(fitToLimits(fitted, limits, sha256).chat).toBe(fitted);
        expect(() => renderRequest(fitted, 'm')).not.toThrow();
      }),
    );
  });
});

test('a request within the limits is the same object', () => {
  const chat: ChatRequest = { model: 'm', messages: [], tools: [{ name: 'look_up' }], stream: false, stop: [], extra: {}, user: 'u-1' };
  for (const { limits } of Object.values(providers)) expect(fitToLimits(chat, limits, sha256).chat).toBe(chat);
});

test('a long user id is cheap', () => {
  const chat: ChatRequest = { model: 'm', messages: [], tools: [], stream: false, stop: [], extra: {}, user: 'a@'.repeat(500_000) };
  expect(fitToLimits(chat, providers.anthropic!.limits, sha256).chat.user).toHaveLength(64);
});
