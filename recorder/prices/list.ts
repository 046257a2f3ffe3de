/** `hindcast prices list | show | diff`. */
import { exit, loadSettings, printResult, table } from '../../gateway/cli/command.ts';
import { type Price, usd } from '../../gateway/core/money/price.ts';
import type { Instant } from '../../gateway/core/shared/time.ts';
import { type KnownPrice, knownPrices, priceVersion } from '../../gateway/prices/known-prices.ts';
import { createPriceBook } from '../../gateway/prices/price-book.ts';
import { readPriceFile } from '../../gateway/prices/price-file.ts';
import { providers as wireFormats } from '../../gateway/providers/index.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { parseTime } from '../commands/times.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly provider?: string;
  readonly at?: string;
}

const instantOf = ({ at }: Options): Instant => (at === undefined ? Date.now() : parseTime(at.replace(/ ago$/, ''), '--at', Date.now()));

const books = [...new Set(Object.values(wireFormats).map(({ priceBook }) => priceBook))];

/** Prints the known prices, of one provider or all, at an instant. */
export async function runList(options: Options): Promise<void> {
  const settings = loadSettings(options);
  const file = readPriceFile(settings.store.path);
  const book = options.provider === undefined ? undefined : bookOf(settings, options.provider);
  const known = knownPrices(settings.prices, file, book === undefined ? books : [book], instantOf(options));
  const rows = known.filter(({ provider }) => book === undefined || provider === options.provider || provider === book);
  printResult(
    options,
    { version: priceVersion(file), prices: rows.map(priceJson) },
    () => `${pricesTable(rows)}\n\nPrices: ${priceVersion(file)}`,
  );
}

/** An account is listed under its own name and under its wire format's. */
const bookOf = ({ providers }: Settings, name: string): string => providers.get(name)?.provider.priceBook ?? name;

/** Prints the price of a model at every provider that has it. Exit code by whether one was found. */
export async function runShow(model: string, options: Options): Promise<number> {
  const settings = loadSettings(options);
  const file = readPriceFile(settings.store.path);
  const book = createPriceBook(settings.prices, file);
  const at = instantOf(options);
  const slash = model.indexOf('/');
  const [account, name] = [model.slice(0, Math.max(0, slash)), model.slice(slash + 1)];
  const places: readonly (readonly [string, string])[] =
    slash > 0 && (settings.providers.has(account) || books.includes(account))
      ? [[account, name], ...(settings.providers.has(account) ? [[bookOf(settings, account), name] as const] : [])]
      : [...settings.providers.keys(), ...books].map(provider => [provider, model] as const);
  const found = places.flatMap(([provider, itsModel]): readonly KnownPrice[] => {
    const price = book(provider, itsModel, at);
    return price ? [{ provider, model: itsModel, price }] : [];
  });
  const shown =
    slash > 0 && found[0]?.provider === account
      ? found.slice(0, 1)
      : found.filter(({ price }, i) => found.findIndex(one => one.price.id === price.id) === i);
  printResult(options, { at: new Date(at).toISOString(), prices: shown.map(priceJson) }, () =>
    shown.length === 0 ? `No price of ${model} is known. Set one under \`prices\`.` : shown.map(described).join('\n\n'),
  );
  return shown.length === 0 ? exit.nothing : exit.pass;
}

/** The entries that differ from the built-in price, with both. */
export async function runDiff(options: Options): Promise<void> {
  const settings = loadSettings(options);
  const file = readPriceFile(settings.store.path);
  const at = instantOf(options);
  const builtIn = createPriceBook({});
  const rows = knownPrices(settings.prices, file, file?.providers ? books : [], at)
    .filter(({ price }) => !price.id.startsWith('hindcast@'))
    .flatMap(({ provider, model, price }) => {
      const account = settings.providers.get(provider)?.provider.priceBook ?? provider;
      const before = builtIn(provider, model, at) ?? builtIn(account, model, at);
      const isSame = before && before.input === price.input && before.output === price.output && before.cached === price.cached;
      return isSame ? [] : [{ provider, model, price, before }];
    });
  printResult(
    options,
    rows.map(({ before, ...known }) => ({
      ...priceJson(known),
      built_in: before ? { input: usd(before.input), output: usd(before.output), price_id: before.id } : null,
    })),
    () =>
      rows.length === 0
        ? 'No price differs from the built-in table.'
        : table(
            ['provider', 'model', 'input', 'built in', 'output', 'built in'],
            rows.map(({ provider, model, price, before }) => [
              ...[provider, model, amount(price.input), before ? amount(before.input) : '–'],
              ...[amount(price.output), before ? amount(before.output) : '–'],
            ]),
          ),
  );
}

const amount = (nano: number): string => String(Number(usd(nano).toPrecision(6)));

const pricesTable = (rows: readonly KnownPrice[]): string =>
  table(
    ['provider', 'model', 'input', 'cached', 'output', 'price'],
    rows.map(({ provider, model, price }) => [
      ...[provider, model, price.unitsOnly ? '–' : amount(price.input), price.cached === undefined ? '–' : amount(price.cached)],
      ...[price.unitsOnly ? '–' : amount(price.output), price.id],
    ]),
  );

function priceJson({ provider, model, price }: KnownPrice): object {
  const { id, units, unitsOnly, tiers, serviceTiers, batch, isEstimate, ...rates } = price;
  const dollars = (some: object): object =>
    Object.fromEntries(Object.entries(some).map(([name, value]) => [snake(name), typeof value === 'number' ? usd(value) : value]));
  return {
    ...{ provider, model, price_id: id },
    ...(unitsOnly ? {} : dollars(rates)),
    ...(tiers ? { tiers: tiers.map(({ above, ...tier }) => ({ above, ...dollars(tier) })) } : {}),
    ...(serviceTiers ? { service_tiers: serviceTiers } : {}),
    ...(units ? { units: unitsJson(units) } : {}),
    ...(batch === undefined ? {} : { batch: typeof batch === 'number' ? batch : dollars(batch) }),
    ...(isEstimate ? { estimated: true } : {}),
  };
}

const snake = (name: string): string => name.replace('Hour', '_1h').replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

const unitsJson = ({ image, ...units }: NonNullable<Price['units']>): object => ({
  ...Object.fromEntries(Object.entries(units).map(([name, nano]) => [`per_${name}`, usd(nano)])),
  ...(image ? { per_image: Object.fromEntries(Object.entries(image).map(([size, nano]) => [size, usd(nano)])) } : {}),
});

function described(known: KnownPrice): string {
  const json = priceJson(known) as Record<string, unknown>;
  const lines = Object.entries(json)
    .filter(([name]) => name !== 'provider' && name !== 'model')
    .map(([name, value]) => `  ${name.padEnd(16)} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  return [`${known.provider}/${known.model}, USD per million tokens`, ...lines].join('\n');
}
