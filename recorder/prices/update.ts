/** `hindcast prices update --from FILE|URL`. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import got from 'got';
import { z } from 'zod';
import { CommandError, exit, loadSettings, note, printResult } from '../../gateway/cli/command.ts';
import { price } from '../../gateway/config/schema/price-schema.ts';
import type { JsonObject } from '../../gateway/core/chat/json.ts';
import { type PriceFile, priceFileOf, priceFilePath } from '../../gateway/prices/price-file.ts';
import type { PriceEntries } from '../../gateway/settings/settings.ts';
import { makeFolder } from '../files/paths.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly from: string;
}

const bytesMax = 64 * 2 ** 20;
const waitMsMax = 60_000;

/** Nothing is written unless the whole file can be used. */
export async function runUpdate(options: Options): Promise<void> {
  const { store } = loadSettings(options);
  const text = /^https?:/.test(options.from) ? await fetched(options.from) : read(options.from);
  const file = priceFileOf(text, { source: options.from, updatedAt: new Date().toISOString() }, entriesIn);
  if (!file)
    throw new CommandError(
      exit.usage,
      `${options.from} holds no prices: expected entries as under \`prices\`, or the data.json of genai-prices.`,
    );
  makeFolder(store.path);
  const path = priceFilePath(store.path);
  writeFileSync(`${path}.new`, JSON.stringify(file), { mode: 0o600 });
  renameSync(`${path}.new`, path);
  const count = modelCount(file);
  printResult(options, { path, version: file.version, models: count }, () => `Wrote ${path}: ${count} prices, version ${file.version}.`);
  note('A running gateway uses them from its next start, or from the next change of its configuration.');
}

const modelCount = ({ entries, providers = [] }: PriceFile): number =>
  Object.keys(entries).length + providers.reduce((sum, { models }) => sum + models.length, 0);

async function fetched(url: string): Promise<string> {
  try {
    const body = await got(url, { timeout: { request: waitMsMax }, retry: { limit: 1 } }).text();
    if (body.length > bytesMax) throw new Error('the answer is larger than 64 MiB');
    return body;
  } catch (problem) {
    throw new CommandError(exit.usage, `${url} cannot be fetched: ${problem instanceof Error ? problem.message : problem}`);
  }
}

function read(file: string): string {
  if (!existsSync(file)) throw new CommandError(exit.usage, `There is no file ${file}.`);
  return readFileSync(file, 'utf8');
}

const entriesSchema = z.record(z.string().regex(/^[^*/]+\/[^*]*\*?$/, { error: () => 'expected provider/model' }), price);

function entriesIn(value: JsonObject): PriceEntries {
  const parsed = entriesSchema.safeParse(value);
  if (parsed.success) return parsed.data as PriceEntries;
  const [issue] = parsed.error.issues;
  throw new CommandError(exit.usage, `The prices are not valid: ${issue?.path.join('.')}: ${issue?.message}.`);
}
