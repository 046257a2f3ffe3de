/** Resellers without a table of their own, or with gaps: the maker's price applies. */
import { freePrice, type Listing, type Table, tableVersion } from './table-price.ts';

/** The table's provider names by the makers' prefixes. */
const makers: Readonly<Record<string, string>> = {
  anthropic: 'anthropic',
  deepseek: 'deepseek',
  google: 'google',
  mistralai: 'mistral',
  moonshotai: 'moonshotai',
  openai: 'openai',
  'x-ai': 'x-ai',
  'z-ai': 'zai',
};

/** The makers of models that a relay lists without a prefix. */
const makersByName: readonly (readonly [RegExp, string])[] = [
  [/^(?:gpt-|chatgpt-|o[134](?:-|$)|text-embedding-)/, 'openai'],
  [/^claude-/, 'anthropic'],
  [/^gemini-/, 'google'],
  [/^deepseek-/, 'deepseek'],
  [/^grok-/, 'x-ai'],
  [/^qw(?:en|q)/, 'qwen'],
  [/^glm-/, 'zai'],
  [/^kimi-/, 'moonshotai'],
  [/^(?:mistral|ministral|codestral|magistral)-/, 'mistral'],
];

/** The price of a resold model; undefined when `provider` is no reseller. `makerListing` gives a maker's prices. */
export function resoldListing(provider: string, model: string, table: Table, makerListing: Table): Listing | undefined {
  if (provider === 'openrouter') return openRouterListing(model, table, makerListing);
  return provider === 'tokenmix' ? tokenMixListing(model, makerListing) : undefined;
}

/** OpenRouter's price; where the table has none, the maker's price, because OpenRouter adds no margin. */
function openRouterListing(model: string, table: Table, makerListing: Table): Listing {
  if (model.endsWith(':free')) return () => freePrice(`${tableVersion}/openrouter/${model}`);
  const own = table('openrouter', model);
  const [maker = '', name = ''] = model.split('/', 2);
  const book = Object.hasOwn(makers, maker) ? makers[maker] : undefined;
  if (book === undefined || name === '') return own;
  const ofMaker = makerListing(book, name);
  return at => {
    const price = own(at);
    const makerPrice = ofMaker(at);
    if (!price || !makerPrice) return price ?? makerPrice;
    // The table has few of the reseller's cache discounts. Where the other prices are equal, the maker's discounts apply.
    const isSame = price.input === makerPrice.input && price.output === makerPrice.output;
    return isSame ? { ...makerPrice, ...price } : price;
  };
}

/** TokenMix says that it asks a few percent less than the makers, and not how much: the maker's price is an estimate. */
function tokenMixListing(model: string, makerListing: Table): Listing {
  const [prefix = '', ...rest] = model.split('/');
  const byPrefix = rest.length > 0 && Object.hasOwn(makers, prefix) ? makers[prefix] : undefined;
  const name = byPrefix === undefined ? model : rest.join('/');
  const book = byPrefix ?? makersByName.find(([pattern]) => pattern.test(name))?.[1];
  if (book === undefined) return () => undefined;
  const listing = makerListing(book, name);
  return at => {
    const price = listing(at);
    return price && { ...price, isEstimate: true };
  };
}
