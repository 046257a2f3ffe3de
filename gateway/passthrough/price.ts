/** The cost of a passed-through response: by tokens, seconds, characters, searches or images; a batch costs half. */
import { calcPrice } from '@pydantic/genai-prices';
import { type Cost, cost, type Price, scalePrice } from '../core/money/price.ts';
import type { Instant } from '../core/shared/time.ts';
import { tableVersion } from '../prices/price-book.ts';
import type { Consumption } from './consumption.ts';

/** USD, for prices that the price table lacks. Sources: openai.com/api/pricing and cohere.com/pricing, November 2026. */
const perCharacter: Readonly<Record<string, number>> = { 'tts-1': 15e-6, 'tts-1-hd': 30e-6 };
const perSearch: readonly (readonly [prefix: string, usd: number])[] = [['rerank-', 0.002]];
const perImage: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'dall-e-2': { '256x256': 0.016, '512x512': 0.018, '1024x1024': 0.02 },
  'dall-e-3': { '1024x1024': 0.04, '1024x1792': 0.08, '1792x1024': 0.08, 'hd 1024x1024': 0.08, 'hd 1024x1792': 0.12, 'hd 1792x1024': 0.12 },
};
/** OpenAI's moderation is free (Mistral's is not); the price table lists it without a price. */
const freeModels = /^(?:omni|text)-moderation/;
const ownTable = 'hindcast@1';

export interface PricedModel {
  /** The provider's name in the price book. */
  readonly book: string;
  readonly model: string;
  readonly at: Instant;
  /** The configured price, or the table's price for text tokens. */
  readonly price: Price | undefined;
}

/** The cost in nano-dollars; undefined when no price is known. */
export function costOf(consumption: Consumption, { book, model, at, price }: PricedModel): Cost | undefined {
  const { usage } = consumption;
  if (usage && price?.id.startsWith('config/')) return cost(usage, price);
  if (book === 'openai' && freeModels.test(model)) return total(0, `${ownTable}/${book}/${model}`);
  const found = calcPrice(tokensOf(consumption), model, { providerId: book, timestamp: new Date(at) });
  if (found && consumption.seconds !== undefined) {
    const hourly = found.model_price.input_audio_hours ?? found.model_price.audio_hours;
    if (typeof hourly === 'number') return total((hourly * consumption.seconds) / 3600, `${tableVersion}/${book}/${found.model.id}`);
  }
  if (found && usage && Object.keys(found.model_price).length > 0) {
    return split(found.input_price, found.output_price, `${tableVersion}/${book}/${found.model.id}`);
  }
  const dollars = unitCost(consumption, book, model);
  return dollars === undefined ? undefined : total(dollars, `${ownTable}/${book}/${model}`);
}

function tokensOf({ usage, imageInput = 0, imageOutput = 0 }: Consumption): Record<string, number> {
  if (!usage) return {};
  return {
    input_tokens: usage.input,
    output_tokens: usage.output,
    ...(usage.cached > 0 ? { cache_read_tokens: usage.cached } : {}),
    ...(usage.audioInput ? { input_audio_tokens: usage.audioInput } : {}),
    ...(imageInput > 0 ? { input_image_tokens: Math.min(imageInput, usage.input) } : {}),
    ...(imageOutput > 0 ? { output_image_tokens: Math.min(imageOutput, usage.output) } : {}),
  };
}

function unitCost({ characters, searches, images }: Consumption, book: string, model: string): number | undefined {
  const unit = book === 'openai' && Object.hasOwn(perCharacter, model) ? perCharacter[model] : undefined;
  if (characters !== undefined && unit !== undefined) return characters * unit;
  const search = book === 'cohere' ? perSearch.find(([prefix]) => model.startsWith(prefix))?.[1] : undefined;
  if (searches !== undefined && search !== undefined) return searches * search;
  const sizes = images && book === 'openai' && Object.hasOwn(perImage, model) ? perImage[model] : undefined;
  const each = sizes?.[`${images!.quality === 'hd' ? 'hd ' : ''}${images!.size}`];
  return each === undefined ? undefined : each * images!.count;
}

const nano = (usd: number): number => Math.round(usd * 1e9);
const total = (usd: number, priceId: string): Cost => ({ input: 0, output: nano(usd), total: nano(usd), priceId });
const split = (input: number, output: number, priceId: string): Cost => ({
  input: nano(input),
  output: nano(output),
  total: nano(input) + nano(output),
  priceId,
});

/** The price in a batch, as a share of the price of a single request. Source: the vendors' price pages. */
const batchShares: Readonly<Record<string, number>> = {
  openai: 0.5,
  azure: 0.5,
  anthropic: 0.5,
  google: 0.5,
  groq: 0.5,
  together: 0.5,
  mistral: 0.5,
  'x-ai': 0.5,
};

/** The batch price for a price of single requests; undefined for providers without a known batch price. */
export function batchPrice(price: Price | undefined, book: string): Price | undefined {
  const share = Object.hasOwn(batchShares, book) ? batchShares[book] : undefined;
  if (!price || share === undefined) return undefined;
  return scalePrice(price, share, 'batch');
}
