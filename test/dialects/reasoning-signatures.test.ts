/**
 * Signatures of reasoning and calls come back to their provider when a caller of any format sends the response back with the call's result.
 */
import { describe, expect, test } from 'vitest';
import type { CallerFormat } from '../../gateway/core/chat/caller-format.ts';
import type { ChatResponse } from '../../gateway/core/chat/chat.ts';
import { type JsonObject, parseJson } from '../../gateway/core/chat/json.ts';
import type { Provider, Warning } from '../../gateway/core/chat/provider.ts';
import { restoreSignatures, wrapPartSignature } from '../../gateway/core/chat/reasoning-signature.ts';
import { anthropicMessages } from '../../gateway/dialects/anthropic.ts';
import { geminiFor } from '../../gateway/dialects/gemini.ts';
import { openaiChat } from '../../gateway/dialects/openai.ts';
import { openaiResponses } from '../../gateway/dialects/responses.ts';
import { providers } from '../../gateway/providers/index.ts';

interface Maker {
  readonly provider: Provider;
  readonly model: string;
  readonly answer: JsonObject;
  /** The signatures that the next request must have, where the provider expects them. */
  readonly signatures: readonly JsonObject[];
}

const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
const signedDetail = { type: 'reasoning.text', text: 'Look it up.', signature: 'sig_or', format: 'anthropic-claude-v1', index: 0 };
const sealedDetail = { type: 'reasoning.encrypted', data: 'sealed_or', id: 'rs_1', format: 'openai-responses-v1', index: 1 };

const makers: Readonly<Record<string, Maker>> = {
  anthropic: {
    provider: providers.anthropic!,
    model: 'claude-opus-4-6',
    answer: {
      id: 'm',
      type: 'message',
      model: 'c',
      content: [
        { type: 'thinking', thinking: 'Look it up.', signature: 'sig_a' },
        { type: 'redacted_thinking', data: 'sealed_a' },
        { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Oslo' } },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1 },
    },
    signatures: [
      { type: 'thinking', thinking: 'Look it up.', signature: 'sig_a' },
      { type: 'redacted_thinking', data: 'sealed_a' },
    ],
  },
  bedrock: {
    provider: providers.bedrock!,
    model: 'anthropic.claude-opus-4-6-v1:0',
    answer: {
      output: {
        message: {
          role: 'assistant',
          content: [
            { reasoningContent: { reasoningText: { text: 'Look it up.', signature: 'sig_b' } } },
            { toolUse: { toolUseId: 'call_1', name: 'weather', input: { city: 'Oslo' } } },
          ],
        },
      },
      stopReason: 'tool_use',
    },
    signatures: [{ reasoningContent: { reasoningText: { text: 'Look it up.', signature: 'sig_b' } } }],
  },
  responses: {
    provider: providers['openai-responses']!,
    model: 'gpt-5.1',
    answer: {
      id: 'r',
      model: 'g',
      status: 'completed',
      output: [
        { type: 'reasoning', id: 'rs', summary: [{ type: 'summary_text', text: 'Look it up.' }], encrypted_content: 'gAAAAseal' },
        { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Oslo"}' },
      ],
    },
    signatures: [{ type: 'reasoning', summary: [{ type: 'summary_text', text: 'Look it up.' }], encrypted_content: 'gAAAAseal' }],
  },
  gemini: {
    provider: providers.gemini!,
    model: 'gemini-3.1-pro',
    answer: {
      responseId: 'r',
      modelVersion: 'g',
      candidates: [
        {
          index: 0,
          finishReason: 'STOP',
          content: {
            role: 'model',
            parts: [
              { text: 'Look it up.', thought: true },
              { functionCall: { id: 'call_1', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: 'c2lnX2c=' },
            ],
          },
        },
      ],
    },
    signatures: [{ functionCall: { id: 'call_1', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: 'c2lnX2c=' }],
  },
  openrouter: {
    provider: providers.openrouter!,
    model: 'anthropic/claude-opus-4.6',
    answer: {
      id: 'o',
      model: 'c',
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: null,
            reasoning: 'Look it up.',
            reasoning_details: [signedDetail, sealedDetail],
            tool_calls: [call],
          },
        },
      ],
    },
    signatures: [signedDetail, sealedDetail],
  },
};

interface Echo {
  readonly dialect: (model: string) => CallerFormat;
  /** The next request, as a client builds it from the response. */
  // biome-ignore lint/suspicious/noExplicitAny: a response of any format
  readonly next: (answer: any) => JsonObject;
}

const result = 'It snows.';
const callers: Readonly<Record<string, Echo>> = {
  openai: {
    dialect: () => openaiChat,
    next: answer => ({
      model: 'm',
      messages: [
        { role: 'user', content: 'Weather?' },
        answer.choices[0].message,
        { role: 'tool', tool_call_id: answer.choices[0].message.tool_calls[0].id, content: result },
      ],
    }),
  },
  responses: {
    dialect: () => openaiResponses,
    next: answer => ({
      model: 'm',
      input: [
        { role: 'user', content: 'Weather?' },
        ...answer.output,
        { type: 'function_call_output', call_id: answer.output.at(-1).call_id, output: result },
      ],
    }),
  },
  anthropic: {
    dialect: () => anthropicMessages,
    next: answer => ({
      model: 'm',
      max_tokens: 4_000,
      messages: [
        { role: 'user', content: 'Weather?' },
        { role: 'assistant', content: answer.content },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: answer.content.at(-1).id, content: result }] },
      ],
    }),
  },
  gemini: {
    dialect: model => geminiFor(model, false, true),
    next: answer => ({
      contents: [
        { role: 'user', parts: [{ text: 'Weather?' }] },
        answer.candidates[0].content,
        { role: 'user', parts: [{ functionResponse: { id: 'call_1', name: 'weather', response: { output: result } } }] },
      ],
    }),
  },
};

describe.each(Object.entries(callers))('through the caller format %s', (_, { dialect: dialectOf, next }) => {
  test.each(Object.entries(makers))('%s gets its signatures back', (_name, { provider, model, answer, signatures: proofs }) => {
    const dialect = dialectOf(model);
    // Where bytes pass through, nothing is marked and nothing can be lost.
    if (dialect.wire === provider.wire) return;
    const parsed = provider.parseResponse(answer) as ChatResponse;
    const choices = parsed.choices.map(choice => ({
      ...choice,
      content: choice.content.map(part => wrapPartSignature(part, provider.wire)),
    }));
    const nextRequest = dialect.parseRequest(next(parseJson(dialect.renderResponse({ ...parsed, choices }))));
    if ('problem' in nextRequest) throw new Error(JSON.stringify(nextRequest.problem));
    const warnings: Warning[] = [];
    const home = restoreSignatures(nextRequest, dialect.wire, provider.wire, warnings);
    const rendered = provider.renderRequest(home, model);
    for (const proof of proofs) expect(objectsIn(parseJson(rendered.body))).toContainEqual(expect.objectContaining(proof));
    expect([...warnings, ...rendered.warnings].filter(({ field }) => /signature|messages\[1\]/.test(field))).toEqual([]);
  });
});

function objectsIn(value: unknown): readonly object[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(objectsIn);
  return Array.isArray(value) ? inner : [value, ...inner];
}
