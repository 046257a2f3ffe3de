/** A model's traits follow from its name; an unknown name counts as a new model. */
import { describe, expect, test } from 'vitest';
import { traitsOf as claude } from '../../gateway/providers/anthropic/model.ts';
import { traitsOf as gemini } from '../../gateway/providers/gemini/model.ts';
import { traitsOf as openai } from '../../gateway/providers/openai/model.ts';

describe('Claude', () => {
  test.each([
    ['claude-2.1', 'none', 'nothing', true, false, 4_096],
    ['claude-3-haiku-20240307', 'none', 'nothing', true, false, 4_096],
    ['claude-3-5-sonnet-20241022', 'none', 'nothing', true, false, 8_192],
    ['claude-3-7-sonnet-latest', 'budget', 'nothing', true, false, 64_000],
    ['claude-sonnet-4-20250514', 'budget', 'nothing', true, false, 64_000],
    ['claude-opus-4@20250514', 'budget', 'nothing', true, false, 32_000],
    ['claude-opus-4-1-20250805', 'budget', 'nothing', true, true, 32_000],
    ['claude-haiku-4-5-20251001', 'budget', 'nothing', true, true, 64_000],
    ['claude-opus-4-6', 'both', 'nothing', true, true, 128_000],
    ['claude-opus-4-7', 'adaptive', 'nothing', false, true, 128_000],
    ['claude-opus-4-10', 'adaptive', 'nothing', false, true, 128_000],
    ['us.anthropic.claude-opus-5-20260724-v1:0', 'adaptive', 'disabled', false, true, 128_000],
    ['claude-sonnet-5', 'adaptive', 'disabled', false, true, 128_000],
    ['claude-haiku-5-5', 'adaptive', 'disabled', false, true, 128_000],
    ['claude-sonnet-5-5', 'adaptive', 'between_tools', false, true, 128_000],
    ['claude-opus-5-5', 'adaptive', 'impossible', false, true, 128_000],
    ['claude-fable-5', 'adaptive', 'impossible', false, true, 128_000],
    ['claude-mythos-preview', 'adaptive', 'impossible', false, true, 128_000],
    ['kimi-k3', 'budget', 'nothing', true, false, undefined],
  ])('%s', (model, thinking, thinkingOff, sampling, schema, outputTokensMax) => {
    expect(claude(model)).toMatchObject({ thinking, thinkingOff, sampling, schema, ...(outputTokensMax ? { outputTokensMax } : {}) });
  });

  test.each([
    ['claude-haiku-4-5', true],
    ['claude-opus-5', true],
    ['claude-haiku-5-5', true],
    ['claude-fable-5', true],
    ['claude-fable-5-1', false],
    ['claude-opus-5-5', false],
    ['claude-sonnet-5-5', false],
  ])('%s can be forced to call a tool: %s', (model, forcedTools) => {
    expect(claude(model).forcedTools).toBe(forcedTools);
  });
});

describe('Gemini', () => {
  test.each([
    ['gemma-4-26b', 'none', false, []],
    ['gemini-2.0-flash', 'none', false, []],
    ['gemini-2.5-flash-lite', 'budget', false, []],
    ['gemini-live-2.5-flash', 'budget', false, []],
    ['gemini-3-pro-preview', 'level', true, ['low', 'high']],
    ['gemini-3.1-pro-preview', 'level', true, ['low', 'medium', 'high']],
    ['gemini-3-flash-preview', 'level', true, ['minimal', 'low', 'medium', 'high']],
    ['gemini-3.8-flash', 'level', true, ['low', 'medium', 'high']],
    ['gemini-4-argon', 'level', true, ['low', 'medium', 'high']],
    ['gemini-flash-latest', 'level', true, ['low', 'medium', 'high']],
  ])('%s', (model, thinking, isGemini3, levels) => {
    expect(gemini(model)).toMatchObject({ thinking, isGemini3, levels });
  });
});

describe('OpenAI', () => {
  test.each([
    ['gpt-3.5-turbo', true, 'max_tokens', [], 'always', true, true],
    ['gpt-35-turbo-16k', true, 'max_tokens', [], 'always', true, true],
    ['gpt-4-1106-preview', true, 'max_tokens', [], 'always', true, true],
    ['gpt-4o-2024-08-06', true, 'max_tokens', [], 'always', true, true],
    ['ft:gpt-4o-mini:acme::abc', true, 'max_tokens', [], 'always', true, true],
    ['chatgpt-4o-latest', true, 'max_tokens', [], 'always', true, true],
    ['gpt-4.1-nano', true, 'max_tokens', [], 'always', true, true],
    ['gpt-audio-mini', true, 'max_tokens', [], 'always', true, true],
    ['gpt-4o-search-preview', true, 'max_tokens', [], 'never', true, true],
    ['o1-mini', true, 'max_completion_tokens', [], 'never', true, true],
    ['o1-2024-12-17', true, 'max_completion_tokens', ['low', 'medium', 'high'], 'never', true, true],
    ['o3-mini', true, 'max_completion_tokens', ['low', 'medium', 'high'], 'never', true, true],
    ['o3', true, 'max_completion_tokens', ['low', 'medium', 'high'], 'never', false, true],
    ['o4-mini', true, 'max_completion_tokens', ['low', 'medium', 'high'], 'never', false, true],
    ['openai/gpt-5-mini', true, 'max_completion_tokens', ['minimal', 'low', 'medium', 'high'], 'never', false, true],
    ['gpt-5-chat-latest', true, 'max_completion_tokens', [], 'always', true, true],
    ['gpt-5.1-chat-latest', true, 'max_completion_tokens', ['medium'], 'never', false, true],
    ['gpt-5-pro', true, 'max_completion_tokens', ['high'], 'never', false, true],
    ['gpt-5.1', true, 'max_completion_tokens', ['none', 'low', 'medium', 'high'], 'without-reasoning', false, true],
    ['gpt-5.2-2025-12-11', true, 'max_completion_tokens', ['none', 'low', 'medium', 'high', 'xhigh'], 'without-reasoning', false, true],
    ['gpt-5.4-mini', true, 'max_completion_tokens', ['none', 'low', 'medium', 'high', 'xhigh'], 'without-reasoning', false, false],
    ['gpt-5.5', true, 'max_completion_tokens', ['none', 'low', 'medium', 'high', 'xhigh'], 'never', false, false],
    ['gpt-5.6-luna', true, 'max_completion_tokens', ['none', 'low', 'medium', 'high', 'xhigh', 'max'], 'never', false, false],
    ['gpt-6-astra', true, 'max_completion_tokens', ['none', 'low', 'medium', 'high', 'xhigh', 'max'], 'never', false, false],
    ['gpt-6.1-terra', true, 'max_completion_tokens', ['none', 'low', 'medium', 'high', 'xhigh', 'max'], 'never', false, false],
    ['openai/gpt-oss-120b', false, 'max_tokens', 'any', 'always', true, true],
    ['deepseek-v4-flash', false, 'max_tokens', 'any', 'always', true, true],
    ['grok-4', false, 'max_tokens', 'any', 'always', true, true],
    ['my-deployment', false, 'max_tokens', 'any', 'always', true, true],
  ])('%s', (model, isOpenAi, limitField, efforts, sampling, stop, toolsWhileReasoning) => {
    expect(openai(model)).toMatchObject({ isOpenAi, limitField, efforts, sampling, stop, toolsWhileReasoning });
  });
});
