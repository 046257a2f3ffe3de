/** `hindcast eval explain`. */
import { CommandError, exit, printResult, table } from '../../../gateway/cli/command.ts';
import { withThresholds } from '../../policies/chain.ts';
import { explanationJson, explanationText } from '../../report/explain.ts';
import { explanationPage } from '../../report/explain-and-simulate-pages.ts';
import { explain } from '../../sweep/explain.ts';
import { type ChainOptions, chainAndOutcomes } from '../shared/chain-outcomes.ts';
import { parseSignal, writePage } from '../shared/options.ts';
import { thresholdsOf } from './sweep.ts';

export interface ExplainOptions extends Omit<ChainOptions, 'limit'> {
  readonly threshold?: string;
  readonly output?: string;
}

export async function runExplain(id: string, options: ExplainOptions): Promise<void> {
  const signal = parseSignal(options.signal);
  const { chain, outcomes } = await chainAndOutcomes({ ...options, limit: '1' }, id);
  const given = options.threshold === undefined ? undefined : thresholdsOf([options.threshold], chain);
  if (given && given.length > 1)
    throw new CommandError(exit.usage, `--threshold ${options.threshold}: give one; the table shows what others do.`);
  const item = outcomes.items.find(known => known.id === id);
  if (!item) {
    const where = options.outcomes === undefined ? 'Nothing is recorded' : `${options.outcomes} holds nothing`;
    throw new CommandError(
      exit.nothing,
      `${where} of a request ${id} at ${chain.targets.join(', ')}; ids are those of x-request-id, or of the file.`,
    );
  }
  const policy = given ? withThresholds(chain, given[0]!, signal) : chain.configured ? chain.policy : undefined;
  const explanation = explain(chain, item, outcomes.label, { signal, policy });
  if (options.output !== undefined) writePage(options.output, explanationPage(explanation));
  printResult(options, explanationJson(explanation), () => explanationText(explanation, table));
}
