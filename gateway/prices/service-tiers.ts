/** Prices of service tiers as shares of a model's price, by provider name in the price book. */

/** For all models of a provider. Sources: the documentation of OpenAI, AWS and Groq. */
const shares: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  openai: { flex: 0.5 },
  aws: { flex: 0.5, priority: 1.75 },
  groq: { flex: 1, performance: 1 },
};

/** OpenAI prices `priority` per model; the longest matching prefix counts. */
const priority: readonly (readonly [prefix: string, share: number])[] = [
  ['gpt-4o', 1.7],
  ['gpt-4o-2024-05-13', 1.75],
  ['gpt-4o-mini', 5 / 3],
  ['gpt-4.1', 1.75],
  ['gpt-4.1-nano', 2],
  ['o3', 1.75],
  ['o4-mini', 20 / 11],
  ['gpt-5', 2],
  ['gpt-5-mini', 1.8],
  ['gpt-5.5', 2.5],
];
/** Models without a `priority` tier. */
const withoutPriority = /^(?:gpt-5-nano|gpt-5\.4-nano|gpt-5(?:\.\d+)?-pro|o3-pro|o3-deep)/;

/** Shares by tier; undefined when the provider has no tiers. */
export function tierShares(book: string, model: string): Readonly<Record<string, number>> | undefined {
  const own = Object.hasOwn(shares, book) ? shares[book] : undefined;
  if (book !== 'openai' || withoutPriority.test(model)) return own;
  const fitting = priority.filter(
    ([prefix]) => model === prefix || model.startsWith(`${prefix}-`) || (model.startsWith(`${prefix}.`) && prefix === 'gpt-5'),
  );
  const [, share] = fitting.toSorted(([one], [other]) => other.length - one.length)[0] ?? [];
  return share === undefined ? own : { ...own, priority: share };
}
