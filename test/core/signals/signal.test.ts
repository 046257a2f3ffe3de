/** Signals of a response and acceptance by a route. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { ChatRequest, ChatResponse, Choice, OutputFormat, TokenLogprob } from '../../../gateway/core/chat/chat.ts';
import { type Signals, signalNames } from '../../../gateway/core/signals/names.ts';
import {
  type AcceptRule,
  accepts,
  confidenceOf,
  measureSignals,
  responseText,
  topLogprobsNeeded,
} from '../../../gateway/core/signals/signal.ts';
import { longTimeout, runs } from '../../runs.ts';

vi.setConfig({ testTimeout: longTimeout });
const { numRuns } = runs(1_000, 20_000);

const requestOf = (output?: OutputFormat): ChatRequest => ({
  model: '',
  messages: [],
  tools: [],
  stream: false,
  stop: [],
  extra: {},
  ...(output ? { output } : {}),
});
const responseOf = (text: string, rest: Partial<Choice> = {}): ChatResponse => ({
  id: '',
  model: '',
  choices: [{ index: 0, content: text === '' ? [] : [{ type: 'text', text }], finish: { reason: 'stop', raw: 'stop' }, ...rest }],
});
const token = (probability: number, ...top: readonly number[]): TokenLogprob => ({
  token: 'x',
  logprob: Math.log(probability),
  top: top.map(p => ({ token: 'y', logprob: Math.log(p) })),
});
const measured = (...logprobs: readonly TokenLogprob[]): Signals => measureSignals(requestOf(), responseOf('x', { logprobs }));

describe('Log-probabilities', () => {
  test('mean is the geometric mean of the probabilities, min the lowest, quantile the 10 % quantile', () => {
    const signals = measured(token(0.5), token(1), token(0.25));
    expect(signals.mean_logprob).toBeCloseTo(0.5, 10);
    expect(signals.min_logprob).toBeCloseTo(0.25, 10);
    expect(signals.quantile_logprob_10).toBeCloseTo(0.25, 10);
    const many = measured(...Array.from({ length: 21 }, (_, i) => token((i + 1) / 100)));
    expect(many.quantile_logprob_10).toBeCloseTo(0.03, 10);
    expect(signals).not.toHaveProperty('margin');
  });

  test('margin is the mean difference of the two likeliest alternatives, in any order', () => {
    expect(measured(token(0.6, 0.6, 0.3), token(0.2, 0.2, 0.7, 0.1)).margin).toBeCloseTo(0.4, 10);
    expect(measured(token(0.6, 0.6), token(0.5, 0.5, 0.5)).margin).toBeCloseTo(0, 10);
    expect(measured(token(0.6, 0.6))).not.toHaveProperty('margin');
  });

  test('they are ordered and within 0 and 1, whatever a provider sends', () => {
    const logprob = fc.oneof(fc.double({ max: 0, noNaN: true }), fc.double(), fc.constant(-9_999));
    const logprobs = fc.array(
      fc.record({ token: fc.string(), logprob, top: fc.array(fc.record({ token: fc.string(), logprob }), { maxLength: 3 }) }),
    );
    fc.assert(
      fc.property(logprobs, tokens => {
        const { min_logprob: min, quantile_logprob_10: quantile, mean_logprob: mean, margin } = measured(...tokens);
        for (const signal of [min, quantile, mean, margin]) {
          if (signal === undefined) continue;
          expect(signal).toBeGreaterThanOrEqual(0);
          expect(signal).toBeLessThanOrEqual(1);
        }
        expect(min === undefined).toBe(!tokens.some(({ logprob }) => Number.isFinite(logprob)));
        if (min !== undefined) expect(min).toBeLessThanOrEqual(Math.min(quantile!, mean! + 1e-9));
      }),
      { numRuns },
    );
  });

  test('an unmeasurable signal is absent and not 0', () => {
    expect(measured()).toEqual({});
    expect(measureSignals(requestOf(), responseOf('some text'))).toEqual({});
    expect(measureSignals(requestOf({ type: 'json' }), { id: '', model: '', choices: [] })).toEqual({});
  });
});

describe('Format', () => {
  const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'], additionalProperties: false };
  const formats = { json: { type: 'json' }, schema: { type: 'json-schema', name: 'n', schema } } as const satisfies Record<
    string,
    OutputFormat
  >;
  const valid = (output: OutputFormat, text: string): number | undefined =>
    measureSignals(requestOf(output), responseOf(text)).schema_valid;

  test('JSON is valid when it parses, and for a schema when it conforms', () => {
    expect(valid(formats.json, '{"n":"x"}')).toBe(1);
    expect(valid(formats.json, '{"n":')).toBe(0);
    expect(valid(formats.json, '')).toBe(0);
    expect(valid(formats.schema, '{"n":1}')).toBe(1);
    expect(valid(formats.schema, ' {"n": 1.0}\n')).toBe(1);
    expect(valid(formats.schema, '{"n":"x"}')).toBe(0);
    expect(valid(formats.schema, '{"n":1,"m":2}')).toBe(0);
    expect(valid(formats.schema, '```json\n{"n":1}\n```')).toBe(0);
    expect(valid({ type: 'text' }, '{"n":1}')).toBeUndefined();
  });

  test('a response with only tool calls has no text whose format could be judged', () => {
    const content = [{ type: 'tool-call', id: 'c', name: 'f', arguments: '{}' }] as const;
    expect(measureSignals(requestOf(formats.schema), responseOf('', { content }))).toEqual({});
    expect(
      measureSignals(requestOf(formats.schema), responseOf('', { content: [{ type: 'text', text: 'no' }, ...content] })).schema_valid,
    ).toBe(0);
  });
});

describe('Verbalised confidence', () => {
  const verbalised = (text: string): number | undefined => measureSignals(requestOf(), responseOf(text)).verbalised;

  test('a confidence stated in JSON counts when the response is JSON or ends with it', () => {
    expect(verbalised('{"answer":{"n":1},"confidence":0.8}')).toBe(0.8);
    expect(verbalised('The answer is 12.\n{"confidence": 1}\n')).toBe(1);
    expect(verbalised('{1, 2} {"confidence":0}')).toBe(0);
  });

  test('nothing else counts', () => {
    for (const text of [
      '',
      'confidence: 0.8',
      '{"confidence":"0.8"}',
      '{"confidence":80}',
      '{"confidence":-0.1}',
      '{"confidence":0.8} I think',
      '{"steps":[{"confidence":0.8}]}',
      '[{"confidence":0.8}]',
      'so {"a":{"confidence":0.8}}',
      `{"confidence":0.8, "because":"${'x'.repeat(2_000)}`,
      '}',
    ]) {
      expect(verbalised(text), text.slice(0, 40)).toBeUndefined();
    }
  });
});

describe('Acceptance', () => {
  const signals: Signals = { mean_logprob: 0.7, margin: 0 };

  test('a signal satisfies at or above its threshold; an absent one never does', () => {
    expect(accepts({ signal: 'mean_logprob', atLeast: 0.7 }, signals)).toBe(true);
    expect(accepts({ signal: 'mean_logprob', atLeast: 0.7000001 }, signals)).toBe(false);
    expect(accepts({ signal: 'margin', atLeast: 0 }, signals)).toBe(true);
    expect(accepts({ signal: 'judge', atLeast: 0 }, signals)).toBe(false);
    expect(accepts({ signal: 'confidence', atLeast: 0 }, {})).toBe(false);
  });

  test('confidence is the scorer where there is one, else the mean', () => {
    expect(confidenceOf({ scorer: 0.2, mean_logprob: 0.9 })).toBe(0.2);
    expect(confidenceOf({ mean_logprob: 0.9 })).toBe(0.9);
    expect(confidenceOf({ min_logprob: 0.9 })).toBeUndefined();
    expect(accepts({ signal: 'confidence', atLeast: 0.5 }, { scorer: 0.2, mean_logprob: 0.9 })).toBe(false);
  });

  test('`all` requires each and `any` one; without parts they are true and false', () => {
    expect(accepts({ all: [] }, signals)).toBe(true);
    expect(accepts({ any: [] }, signals)).toBe(false);
    const leaf = fc.record({
      signal: fc.constantFrom(...signalNames, 'confidence' as const),
      atLeast: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const { accept } = fc.letrec<{ accept: AcceptRule }>(tie => ({
      accept: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc.record({ all: fc.array(tie('accept'), { maxLength: 3 }) }),
        fc.record({ any: fc.array(tie('accept'), { maxLength: 3 }) }),
      ),
    }));
    const some = fc.dictionary(fc.constantFrom(...signalNames), fc.double({ min: 0, max: 1, noNaN: true })) as fc.Arbitrary<Signals>;
    fc.assert(
      fc.property(fc.array(accept, { maxLength: 4 }), some, (parts, signals) => {
        const each = parts.map(part => accepts(part, signals));
        expect(accepts({ all: parts }, signals)).toBe(each.every(Boolean));
        expect(accepts({ any: parts }, signals)).toBe(each.some(Boolean));
      }),
      { numRuns },
    );
  });

  test('log-probabilities are requested when acceptance needs them, alternatives only for the margin', () => {
    expect(topLogprobsNeeded({ signal: 'confidence', atLeast: 0.5 })).toBe(0);
    expect(topLogprobsNeeded({ signal: 'quantile_logprob_10', atLeast: 0.5 })).toBe(0);
    expect(topLogprobsNeeded({ signal: 'margin', atLeast: 0.5 })).toBe(2);
    expect(topLogprobsNeeded({ signal: 'schema_valid', atLeast: 1 })).toBeUndefined();
    expect(topLogprobsNeeded({ all: [] })).toBeUndefined();
    expect(
      topLogprobsNeeded({
        all: [
          { signal: 'schema_valid', atLeast: 1 },
          {
            any: [
              { signal: 'min_logprob', atLeast: 0.1 },
              { signal: 'margin', atLeast: 0.1 },
            ],
          },
        ],
      }),
    ).toBe(2);
  });

  test('the text is that of the first choice, without reasoning and calls', () => {
    const content = [
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ] as const;
    expect(responseText(responseOf('', { content }))).toBe('ab');
    expect(responseText({ id: '', model: '', choices: [] })).toBe('');
  });
});
