/** Features of a response beside its signals, and the failures that no threshold accepts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChatRequest, ChatResponse, Choice, Part, TokenLogprob } from '../../../gateway/core/chat/chat.ts';
import { measureSignalsAndFeatures } from '../../../gateway/core/signals/features.ts';
import { featureNames, type Signals, signalNames } from '../../../gateway/core/signals/names.ts';
import { accepts } from '../../../gateway/core/signals/signal.ts';
import { valueTokens } from '../../../gateway/core/signals/value-tokens.ts';
import { runs } from '../../runs.ts';

const { numRuns } = runs(300, 10_000);
const requestOf = (more: Partial<ChatRequest> = {}): ChatRequest => ({
  model: '',
  messages: [],
  tools: [],
  stream: false,
  stop: [],
  extra: {},
  ...more,
});
const responseOf = (content: string | readonly Part[], rest: Partial<Choice> = {}): ChatResponse => ({
  id: '',
  model: '',
  choices: [
    {
      index: 0,
      content: typeof content === 'string' ? [{ type: 'text', text: content }] : content,
      finish: { reason: 'stop', raw: '' },
      ...rest,
    },
  ],
});
const of = (content: string | readonly Part[], request: Partial<ChatRequest> = {}, rest: Partial<Choice> = {}): Signals =>
  measureSignalsAndFeatures(requestOf(request), responseOf(content, rest));
const tokens = (...list: readonly (readonly [string, number])[]): TokenLogprob[] =>
  list.map(([token, p]) => ({ token, logprob: Math.log(p), top: [] }));
const tool = { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } };
const call = (args: string, name = 'weather'): readonly Part[] => [{ type: 'tool-call', id: '1', name, arguments: args }];

describe('a response is not sound', () => {
  test.each<[string, string | readonly Part[], Partial<ChatRequest>, Partial<Choice>]>([
    ['when it is empty', ' ', {}, {}],
    ['when it was cut off', 'The answer is', {}, { finish: { reason: 'length', raw: 'length' } }],
    ['when a filter stopped it', 'The answer', {}, { finish: { reason: 'content-filter', raw: '' } }],
    ['when it refuses in a part of its own', [{ type: 'refusal', text: 'no' }], {}, {}],
    ['when it refuses in words', "I'm sorry, but I can't help with that.", {}, {}],
    ['when it is not the JSON that was asked for', '{"a":', { output: { type: 'json' } }, {}],
    ['when its call has no JSON', call('{city'), { tools: [tool] }, {}],
    ['when its call lacks an argument', call('{}'), { tools: [tool] }, {}],
  ])('%s', (_, content, request, rest) => {
    const signals = of(content, request, rest);
    expect(signals.sound).toBe(0);
    expect(accepts({ signal: 'scorer', atLeast: 0.1 }, { ...signals, scorer: 1 })).toBe(false);
    expect(accepts({ any: [{ signal: 'scorer', atLeast: 0 }] }, { ...signals, scorer: 1 })).toBe(false);
  });

  test.each<[string, string | readonly Part[], Partial<ChatRequest>, Partial<Choice>]>([
    ['an ordinary one', 'I cannot recommend it enough: go there.', {}, {}],
    ['one that a caller wanted cut', 'Yes', { maxOutputTokens: 1 }, { finish: { reason: 'length', raw: '' } }],
    ['a call that fits', call('{"city":"Bern"}'), { tools: [tool] }, { finish: { reason: 'tool-calls', raw: '' } }],
    ['a call without arguments', call('', 'now'), { tools: [{ name: 'now' }] }, {}],
  ])('but %s is', (_, content, request, rest) => expect(of(content, request, rest).sound).toBe(1));
});

describe('features', () => {
  test('of tokens: the 20 % quantile, and the mean over JSON values alone', () => {
    const logprobs = tokens(['{"', 1], ['city', 1], ['":"', 0.9], ['Be', 0.25], ['rn', 0.25], ['"}', 1]);
    const signals = of('{"city":"Bern"}', {}, { logprobs });
    expect(signals.value_logprob).toBeCloseTo(0.25, 9);
    expect(signals.quantile_logprob_20).toBeCloseTo(0.25, 9);
    expect(of('Bern', {}, { logprobs: tokens(['Bern', 0.5]) })).not.toHaveProperty('value_logprob');
  });

  test('of JSON: only values count, also in lists and after escapes', () => {
    const split = (text: string) => tokens(...[...text].map(c => [c, 1] as const));
    const valueText = (text: string) =>
      valueTokens(split(text))
        .map(t => t.token)
        .join('');
    expect(valueText('{"a": [1, true, "x,\\"y"], "b": {"c": null}}')).toBe('1truex,\\"ynull');
    expect(valueText('["a", "b"]')).toBe('ab');
    expect(valueText('{"a": 1')).toBe('');
  });

  test('of words: length, hedging, repetition, and the script of the prompt', () => {
    const plain = of('Bern is the seat of the federal government.');
    expect(plain.unhedged).toBe(1);
    expect(of('I think it might be Bern, but perhaps it is Zurich.').unhedged).toBeLessThan(0.1);
    expect(of('no no no no no no no no').variety).toBeLessThan(0.2);
    expect(plain.variety).toBe(1);
    expect(of('word '.repeat(1_000)).brevity).toBeLessThan(plain.brevity!);
    const requestWith = (text: string): Partial<ChatRequest> => ({ messages: [{ role: 'user', content: [{ type: 'text', text }] }] });
    expect(of('Берн — столица.', requestWith('What is the capital?')).same_script).toBe(0);
    expect(of('Bern is.', requestWith('What is the capital?')).same_script).toBe(1);
    expect(of('42', requestWith('How many?'))).not.toHaveProperty('same_script');
  });

  test('lie in [0, 1] under known names, for any response', () => {
    const part = fc
      .oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constantFrom('I think ', '{"a":"b"}'))
      .map((text): Part => ({ type: 'text', text }));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), fc.array(fc.tuple(fc.string(), fc.double({ noNaN: false }))), (content, list) => {
        const signals = of(content, {}, { logprobs: list.map(([token, logprob]) => ({ token, logprob, top: [] })) });
        for (const [name, value] of Object.entries(signals)) {
          expect([...signalNames, ...featureNames]).toContain(name);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns },
    );
  });
});

test('words are equal in any case and by both paths: ASCII text has a faster one', () => {
  const word = fc.stringMatching(/^[a-zA-Z0-9]{1,4}$/);
  const text = fc.array(fc.tuple(word, fc.constantFrom(' ', ', ', '.\n', '-', '  ')), { minLength: 4, maxLength: 40 });
  fc.assert(
    fc.property(text, pieces => {
      const plain = pieces.flat().join('');
      const { brevity, variety } = of(plain);
      expect(variety).toBeDefined();
      expect(of(plain.toUpperCase())).toMatchObject({ brevity, variety });
      // Not a letter, and not ASCII either.
      expect(of(`${plain}\u00a0`)).toMatchObject({ brevity, variety });
    }),
    { numRuns },
  );
  expect(of('so it is So It Is SO IT IS').variety).toBeCloseTo(3 / 7);
});
