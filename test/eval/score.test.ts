/** Rules and judges that say how good an answer is, and what people's labels make of a judge. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ScoringInput, scorerOf } from '../../eval/scores/rules.ts';
import { parseCsv, printCsv } from '../../recorder/export/csv.ts';
import { evaluatorOf, judgePair, parseOrderVerdict } from '../../replay/judge/judge-pair.ts';
import { kappa, normalDraw, predictionPoweredMean, randomGenerator, unclustered } from '../../statistics/index.ts';

const long = process.env.HINDCAST_LONG !== undefined;
const scored = (text: string, expected?: unknown, toolCalls: ScoringInput['answer']['toolCalls'] = []): ScoringInput => ({
  id: 'q',
  question: '',
  answer: { text, toolCalls },
  ...(expected === undefined ? {} : { expected }),
});

describe('a rule', () => {
  const schema = '{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}';
  test.each<[string, string | undefined, ScoringInput, number | undefined]>([
    ['exact', undefined, scored(' Paris\n', 'Paris'), 1],
    ['exact', undefined, scored('Paris.', 'Paris'), 0],
    ['exact', undefined, scored('Paris'), undefined],
    ['contains', undefined, scored('It is Paris, of course', 'Paris'), 1],
    ['regex', '^(yes|no)$', scored('yes'), 1],
    ['regex', '(a+)+$', scored(`${'a'.repeat(5_000)}!`), 0],
    ['numeric', undefined, scored('2 + 2 is 4, so the answer is 1,234.5', 1234.5), 1],
    ['numeric', '0.1', scored('about 3.1', '3.14'), 1],
    ['numeric', undefined, scored('none', 3), 0],
    ['numeric', undefined, scored('3', 'three'), undefined],
    ['json', undefined, scored('```json\n{"a":1}\n```'), 1],
    ['json', undefined, scored('{"a":'), 0],
    ['schema', schema, scored('{"n":1}'), 1],
    ['schema', schema, scored('{"n":"1"}'), 0],
    ['tools', undefined, scored('', [{ name: 'f', arguments: { b: [1], a: 2 } }], [{ name: 'f', arguments: '{"a":2,"b":[1]}' }]), 1],
    ['tools', undefined, scored('', [{ name: 'f', arguments: {} }], []), 0],
    ['similarity', undefined, scored('the cat sat', 'The cat sat'), 1],
    ['similarity', undefined, scored('dogs run', 'the cat sat'), 0],
  ])('%s %s of %j', async (kind, argument, answer, expected) => {
    const scorer = scorerOf(kind, argument);
    if (typeof scorer === 'string') throw new Error(scorer);
    expect(await scorer(answer)).toBe(expected);
  });

  test.each([
    ['nonsense', undefined, 'there is no scorer nonsense'],
    ['regex', undefined, 'regex needs a pattern'],
    ['regex', '(', 'is no pattern'],
    ['numeric', 'much', 'write how far off'],
    ['schema', 'x', 'needs a JSON Schema'],
    ['schema', '{"type":"nothing"}', 'none that can be checked'],
  ])('%s=%s is refused', (kind, argument, why) => expect(scorerOf(kind, argument)).toContain(why));

  test('gives a share for partly equal words', async () => {
    const scorer = scorerOf('similarity', undefined) as Exclude<ReturnType<typeof scorerOf>, string>;
    expect(await scorer(scored('the cat ran', 'the cat sat'))).toBeCloseTo(2 / 3, 9);
  });
});

describe('a judge', () => {
  const pair = { id: 'q1', question: 'user: capital?', answer: 'Bern', reference: 'Berne' };

  test('sees both orders and no name', async () => {
    const seen: string[] = [];
    const verdict = await judgePair(pair, async messages => {
      const { content } = messages[1]!;
      seen.push(content);
      return content.indexOf('Bern\n') < content.indexOf('Berne\n') ? 'A' : 'B';
    });
    expect(verdict).toEqual({ value: 1, opinions: ['better', 'better'] });
    const firstIs = (text: string) => text.includes('<answer id="A">\nBern\n');
    expect(seen.map(firstIs).toSorted()).toEqual([false, true]);
  });

  test('that always prefers the first is found out: half a point', async () => {
    expect((await judgePair(pair, async () => 'A')).value).toBe(0.5);
    expect((await judgePair(pair, async () => 'tie')).value).toBe(1);
    expect((await judgePair(pair, async () => 'I cannot say')).value).toBeUndefined();
  });

  test('is heard by its last word', () => {
    expect(parseOrderVerdict('Both are good, but B.', true)).toBe('worse');
    expect(parseOrderVerdict('A', false)).toBe('worse');
    expect(parseOrderVerdict('**TIE**', false)).toBe('tie');
    expect(parseOrderVerdict('better', true)).toBeUndefined();
  });

  test('is pinned: its evaluator names the model and the prompt', () =>
    expect(evaluatorOf('openai/gpt-5')).toMatch(/^judge:openai\/gpt-5:[0-9a-f]{12}$/));
});

describe('people and a judge', () => {
  test("kappa, as in Cohen's paper's manner: 20 of 50 both yes, 15 both no", () => {
    const a = [...Array(20).fill(1), ...Array(5).fill(1), ...Array(10).fill(0), ...Array(15).fill(0)] as number[];
    const b = [...Array(20).fill(1), ...Array(5).fill(0), ...Array(10).fill(1), ...Array(15).fill(0)] as number[];
    expect(kappa(a, b)).toBeCloseTo(0.4, 9);
  });

  test('put together are right where the judge alone is not, and surer than the labels alone', { timeout: 60_000 }, () => {
    const draw = randomGenerator(31);
    const trials = long ? 2_000 : 300;
    let [covered, judgeCovered, width, labelWidth] = [0, 0, 0, 0];
    for (let k = 0; k < trials; k++) {
      const n = 600;
      const truth = Array.from({ length: n }, (): number => (draw() < 0.7 ? 1 : 0));
      // Too kind: it calls a third of the wrong ones right.
      const judged = truth.map(y => (y === 1 ? (draw() < 0.95 ? 1 : 0) : draw() < 0.33 ? 1 : 0));
      const labels = truth.map((y, i) => (i < 120 ? y : Number.NaN));
      const { inference, lambda } = predictionPoweredMean(judged, labels, unclustered(n))!;
      expect(lambda).toBeGreaterThan(0);
      const reported = inference.interval(0.95);
      if (reported.low <= 0.7 && 0.7 <= reported.high) covered++;
      width += reported.high - reported.low;
      labelWidth += 2 * 1.98 * Math.sqrt((0.7 * 0.3) / 120);
      const mean = judged.reduce((s: number, x) => s + x, 0) / n;
      if (Math.abs(mean - 0.7) < 1.96 * Math.sqrt((mean * (1 - mean)) / n)) judgeCovered++;
    }
    expect(covered / trials).toBeGreaterThan(0.95 - 3 * Math.sqrt(0.0475 / trials));
    expect(judgeCovered / trials).toBeLessThan(0.5);
    expect(width).toBeLessThan(0.9 * labelWidth);
  });

  test('with a judge that knows nothing it is the labels alone', () => {
    const draw = randomGenerator(5);
    const judged = Array.from({ length: 5_000 }, () => normalDraw(draw));
    const labels = judged.map((_, i) => (i < 500 ? (i % 4 === 0 ? 0 : 1) : Number.NaN));
    const { inference, lambda } = predictionPoweredMean(judged, labels, unclustered(5_000))!;
    expect(lambda).toBeLessThan(0.1);
    expect(inference.value).toBeCloseTo(0.75, 1);
  });
});

describe('a table', () => {
  test('comes back as it went, whatever stands in it, but for formulas', () => {
    const cell = fc.string().filter(text => !/^[=+\-@\t\r]/.test(text) && !text.includes('\r'));
    const rows = fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 5 });
    fc.assert(
      fc.property(rows, table => {
        expect(parseCsv(printCsv(table))).toEqual(table);
      }),
      { numRuns: long ? 5_000 : 200 },
    );
    expect(printCsv([['=1+1', 'a']])).toBe("'=1+1,a\r\n");
    expect(parseCsv('\ufeffid,quality\n1,y\n\n2,"n"\n')).toEqual([
      ['id', 'quality'],
      ['1', 'y'],
      ['2', 'n'],
    ]);
  });
});
