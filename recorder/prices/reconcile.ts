/** `hindcast prices reconcile --bill FILE`: what a provider billed, what was recorded, and what of the difference is explained. */
import { existsSync, readFileSync } from 'node:fs';
import { CommandError, exit, loadSettings, printResult, table } from '../../gateway/cli/command.ts';
import type { Settings } from '../../gateway/settings/settings.ts';
import { openStore } from '../process/open-store.ts';
import type { Store } from '../store/store.ts';
import { type Bill, type BillForm, parseBill } from './bills.ts';
import { type Reconciliation, type RecordedLine, reconciled } from './reconciliation.ts';

interface Options {
  readonly config?: string;
  readonly json?: boolean;
  readonly bill: string;
  readonly provider?: string;
}

/** More than this share of the bill unexplained ends the command with 1. */
const unexplainedMax = 0.01;

export async function runReconcile(options: Options): Promise<number> {
  const settings = loadSettings(options);
  const bill = readBill(options.bill);
  const accounts = accountsOf(settings, bill.form, options.provider);
  const days = [...new Set(bill.lines.map(({ day }) => day))].toSorted();
  if (days.length === 0) throw new CommandError(exit.nothing, `${options.bill} bills nothing.`);
  const store = await openStore(settings);
  try {
    const result = reconciled(bill.lines, await recordedLines(store, accounts, days));
    const share = result.billed_usd === 0 ? 0 : Math.abs(result.unexplained_usd) / result.billed_usd;
    const isUnexplained = share > unexplainedMax;
    printResult(
      options,
      { bill: bill.form, providers: accounts, ...result, unexplained_share: Number(share.toFixed(6)), flagged: isUnexplained },
      () => text(result, share, isUnexplained),
    );
    return isUnexplained ? exit.failed : exit.pass;
  } finally {
    await store.close();
  }
}

function readBill(path: string): Bill {
  if (!existsSync(path)) throw new CommandError(exit.usage, `There is no file ${path}.`);
  try {
    const bill = parseBill(readFileSync(path, 'utf8'));
    if (bill) return bill;
  } catch (problem) {
    throw new CommandError(exit.usage, `${path}: ${problem instanceof Error ? problem.message : problem}.`);
  }
  throw new CommandError(exit.usage, `${path} is no cost export of OpenAI, Anthropic, Google or AWS.`);
}

const booksOf: Readonly<Record<BillForm, readonly string[]>> = {
  openai: ['openai'],
  anthropic: ['anthropic'],
  google: ['google'],
  aws: ['aws'],
};

/** The accounts whose calls the bill is of. */
function accountsOf({ providers }: Settings, form: BillForm, name: string | undefined): readonly string[] {
  if (name !== undefined) {
    if (providers.has(name)) return [name];
    throw new CommandError(exit.usage, `--provider ${name}: there is no such provider; there are ${[...providers.keys()].join(', ')}.`);
  }
  const found = [...providers.values()].filter(({ provider }) => booksOf[form].includes(provider.priceBook)).map(account => account.name);
  if (found.length > 0) return found;
  throw new CommandError(exit.usage, `The bill is of ${form}, and no provider of the configuration is. Name one with --provider.`);
}

const recordedLines = (store: Store, accounts: readonly string[], days: readonly string[]): Promise<RecordedLine[]> =>
  store.select<RecordedLine>(
    `SELECT toString(toDate(ts, 'UTC')) AS day, if(served_model = '', model, served_model) AS model, credential AS key,
toFloat64(sum(ifNull(known_cost_usd, 0))) AS usd, toFloat64(sumIf(cost_usd, price_state = 'estimated' OR usage_source = 'estimated')) AS estimated_usd,
countIf(known_cost_usd IS NULL) AS unpriced, count() AS attempts
FROM attempts FINAL WHERE provider IN {accounts: Array(String)} AND toDate(ts, 'UTC') IN {days: Array(Date)} AND usage_source != 'none'
GROUP BY day, model, key ORDER BY day, model, key`,
    { accounts, days },
  );

const dollars = (amount: number): string => `$${amount.toFixed(Math.abs(amount) >= 1 ? 2 : 6)}`;

function text(result: Reconciliation, share: number, isUnexplained: boolean): string {
  const rows = result.lines.map(line => [
    line.day,
    line.model || '(no model)',
    dollars(line.billed_usd),
    dollars(line.recorded_usd),
    dollars(line.residual_usd),
    line.reason,
  ]);
  return [
    table(['day', 'model', 'billed', 'recorded', 'difference', 'explained by'], rows),
    '',
    `Billed ${dollars(result.billed_usd)}, recorded ${dollars(result.recorded_usd)}. Unexplained: ${dollars(result.unexplained_usd)} (${(share * 100).toFixed(2)} %)${isUnexplained ? ', more than 1 %' : ''}.`,
  ].join('\n');
}
