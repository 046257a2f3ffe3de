/** The price file that `hindcast prices update` writes into the folder of records: newer prices than this version came with. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Provider } from '@pydantic/genai-prices';
import { isObject, type JsonObject, parseJson } from '../core/chat/json.ts';
import type { PriceEntries } from '../settings/settings.ts';

export interface PriceFile {
  /** Part of each price's id: `prices@1a2b3c4d`, a hash of the content. */
  readonly version: string;
  /** The file or URL it came from. */
  readonly source: string;
  readonly updatedAt: string;
  /** By `provider/model`, as in the configuration. */
  readonly entries: PriceEntries;
  /** Instead of the built-in table, in the form of genai-prices. */
  readonly providers?: readonly Provider[];
}

/** Path of the price file in the folder of records. */
export const priceFilePath = (storePath: string): string => join(storePath, 'prices.json');

/** The file of this folder; undefined when there is none. Throws when it cannot be read or is none. */
export function readPriceFile(storePath: string): PriceFile | undefined {
  let text: string;
  try {
    text = readFileSync(priceFilePath(storePath), 'utf8');
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw problem;
  }
  const value = parseJson(text);
  if (!isObject(value) || typeof value.version !== 'string' || !isObject(value.entries)) {
    throw new Error(`${priceFilePath(storePath)} is no price file. Run \`hindcast prices update\` again, or delete it.`);
  }
  return value as unknown as PriceFile;
}

const versionDigits = 8;

/**
 * The price file of a text in either form: genai-prices' data.json, or a map of entries as in the configuration, which `entriesOf` checks.
 * Undefined when it is neither.
 */
export function priceFileOf(
  text: string,
  origin: { readonly source: string; readonly updatedAt: string },
  entriesOf: (value: JsonObject) => PriceEntries,
): PriceFile | undefined {
  const value = parseJson(text);
  const version = `prices@${createHash('sha256').update(text).digest('hex').slice(0, versionDigits)}`;
  if (Array.isArray(value)) {
    const providers = value.filter(isObject).map(providerFrom);
    return providers.length > 0 && providers.every(isTable) ? { version, ...origin, entries: {}, providers } : undefined;
  }
  return isObject(value) ? { version, ...origin, entries: entriesOf(value) } : undefined;
}

const isTable = ({ id, models }: Provider): boolean => typeof id === 'string' && Array.isArray(models) && models.every(isObject);

/** The published data has no types on its constraints; the package's code needs them. */
function providerFrom(provider: JsonObject): Provider {
  const models = Array.isArray(provider.models) ? provider.models.filter(isObject).map(modelFrom) : undefined;
  return { ...provider, models } as unknown as Provider;
}

function modelFrom(model: JsonObject): JsonObject {
  const { prices } = model;
  if (!Array.isArray(prices)) return model;
  return { ...model, prices: prices.filter(isObject).map(withConstraintType) };
}

function withConstraintType(row: JsonObject): JsonObject {
  const { constraint } = row;
  if (!isObject(constraint) || typeof constraint.type === 'string') return row;
  return { ...row, constraint: { ...constraint, type: 'start_date' in constraint ? 'start_date' : 'time_of_date' } };
}
