/** `hindcast eval certify`. */
import { CommandError, exit, loadSettings, note, printResult, table } from '../../../gateway/cli/command.ts';
import { parseDuration } from '../../../gateway/cli/duration.ts';
import { wallClock } from '../../../gateway/settings/clock.ts';
import { parseCount } from '../../../replay/recorded/selection.ts';
import { type CertifyOptions, certificationDataOf, certify, constraintsOf } from '../../certify/certify.ts';
import type { Constraint } from '../../certify/constraint.ts';
import { completeItems, type Item, type Outcomes } from '../../outcomes/outcomes.ts';
import type { Chain } from '../../policies/chain.ts';
import { certificateJson } from '../../report/certificate/json.ts';
import { certificatePage } from '../../report/certificate/page.ts';
import { certificateText } from '../../report/certificate/text.ts';
import { populationNotes, sourceNotes } from '../../report/population.ts';
import { sweep } from '../../sweep/sweep.ts';
import { type ChainOptions, chainAndOutcomes } from '../shared/chain-outcomes.ts';
import { lossOf, pagesAndFiles, parseChance, parseConfidence, parsePoints, parseSeed, parseSignal, writeText } from '../shared/options.ts';
import { noCompleteItemsError } from '../shared/store-outcomes.ts';
import { printCertificate } from './certificate-file.ts';
import { writeConfig } from './config-write.ts';
import { openManifest, spendFromManifest } from './manifest-file.ts';
import { calibrationsOf, thresholdsOf } from './sweep.ts';

export interface CertifyCommandOptions extends ChainOptions {
  readonly maxLoss: string;
  readonly loss: string;
  readonly maxErrors?: string;
  readonly maxP95?: string;
  readonly maxTtftP95?: string;
  readonly threshold?: readonly string[];
  readonly slice?: readonly string[];
  readonly minChance?: string;
  readonly assume?: string;
  readonly mode?: string;
  readonly conversationMax?: string;
  readonly confidence: string;
  readonly seed: string;
  readonly manifest?: string;
  readonly alphaSpending?: boolean;
  readonly write?: boolean;
  readonly output?: readonly string[];
}

export async function runCertify(options: CertifyCommandOptions): Promise<number> {
  const requested = optionsOf(options);
  const outputs = pagesAndFiles(options.output, ['json', 'html']);
  const edited = options.write ? routeToEdit(options) : undefined;
  const manifestFile = openManifest(options.manifest, options.alphaSpending ?? false);
  const { chain, outcomes } = await chainAndOutcomes(options, undefined, { weighs: true });
  const kept = completeItems(outcomes.items, chain.targets);
  if (kept.population.length === 0) throw noCompleteItemsError(chain.targets, kept, options.outcomes !== undefined);
  const thresholds = thresholdsOf(options.threshold, chain);
  const settings: CertifyOptions = {
    ...requested,
    ...(thresholds ? { thresholds } : {}),
    ...(manifestFile?.manifest ? { split: manifestFile.manifest.split } : {}),
  };
  requireKnownTimes(settings, kept.items);
  const basis = certificationDataOf(chain, kept, settings);
  const spent = manifestFile ? spendFromManifest(manifestFile, { chain, settings, basis, at: wallClock.now() }) : undefined;
  if (settings.mode === 'expected') requireExpectable(chain, kept.population, settings, outputs.length > 0 || manifestFile !== undefined);
  const certificate = certify(chain, kept, spent ? { ...settings, confidence: 1 - spent.delta } : settings);
  const notes = [...sourceNotes(outcomes), ...populationNotes(certificate.population, chain), ...outcomes.notes, ...spentNote(spent)];
  const report = { ...certificateJson(certificate), quality_from: outcomes.label, notes };
  const useful = certificate.certified !== null && !certificate.certified.savesNothing;
  if (edited !== undefined && useful) writeConfig(edited, chain, certificate.signal, certificate.certified!.thresholds);
  for (const { type, file } of outputs) {
    const page =
      type === 'html'
        ? certificatePage(certificate, {
            label: outcomes.label,
            notes,
            items: kept.items,
            chain,
            ...pageContext(chain, outcomes, settings),
          })
        : undefined;
    writeText(file, page ?? printCertificate(chain, kept.items, certificate, { seed: settings.seed, report }));
    note(`written: ${file}`);
  }
  spent?.save();
  printResult(options, report, () =>
    [
      ...populationNotes(certificate.population, chain),
      ...sourceNotes(outcomes),
      '',
      certificateText(certificate, outcomes.label, table),
      ...outcomes.notes,
      ...spentNote(spent),
    ].join('\n'),
  );
  if (edited !== undefined && certificate.certified && !useful) {
    note(`${edited} was left as it is: the certified threshold saves nothing.`);
    return exit.inconclusive;
  }
  return certificate.certified ? exit.pass : exit.inconclusive;
}

/** What the page draws around it. */
const pageContext = (chain: Chain, outcomes: Outcomes, { signal, confidence }: CertifyOptions) => ({
  sweep: sweep(chain, outcomes, { signal, confidence }),
  calibrations: calibrationsOf(chain, outcomes, { signal, confidence }),
});

const spentNote = (spent: { readonly delta: number; readonly looks: number; readonly file: string } | undefined): readonly string[] =>
  spent
    ? [`Look ${spent.looks} at these requests, at a chance of error of ${Number((spent.delta * 100).toFixed(3))} % (${spent.file}).`]
    : [];

function optionsOf(options: CertifyCommandOptions): Omit<CertifyOptions, 'thresholds' | 'split'> {
  const { maxErrors, maxP95, maxTtftP95, slice } = options;
  const constraints: Constraint[] = [
    ...(maxErrors === undefined ? [] : [{ kind: 'errors' as const, max: parsePoints(maxErrors, '--max-errors') }]),
    ...(maxP95 === undefined ? [] : [{ kind: 'latency_p95' as const, max: parseDuration(maxP95, '--max-p95') }]),
    ...(maxTtftP95 === undefined ? [] : [{ kind: 'ttft_p95' as const, max: parseDuration(maxTtftP95, '--max-ttft-p95') }]),
  ];
  return {
    signal: parseSignal(options.signal),
    loss: lossOf(options.loss),
    lossMax: parsePoints(options.maxLoss),
    constraints,
    confidence: parseConfidence(options.confidence),
    seed: parseSeed(options.seed),
    slices: slice ?? [],
    ...(modeOf(options.mode) === 'expected' ? { mode: 'expected' as const } : {}),
    ...(options.assume === undefined ? {} : { assume: assumptionOf(options.assume) }),
    ...(options.minChance === undefined ? {} : { chanceMin: parseChance(options.minChance, '--min-chance') }),
    ...(options.conversationMax === undefined ? {} : { conversationMax: parseCount(options.conversationMax, '--conversation-max') }),
  };
}

function modeOf(text = 'certified'): 'certified' | 'expected' {
  if (text === 'certified' || text === 'expected') return text;
  throw new CommandError(exit.usage, `--mode ${text}: the modes are certified and expected.`);
}

/** Conformal risk control needs losses that fall as the threshold rises, and all of them known. */
function requireExpectable(chain: Chain, population: readonly Item[], options: CertifyOptions, isKept: boolean): void {
  const isDrawn = population.some(({ weight, chance }) => weight !== undefined || (chance ?? 1) < 1);
  const why =
    chain.targets.length > 2
      ? 'takes chains of two targets'
      : options.loss === 'net' || (options.constraints ?? []).length > 0 || (options.slices ?? []).length > 0
        ? 'bounds harm alone, without further bounds or slices'
        : isDrawn
          ? 'needs every outcome known: replay what audits drew'
          : isKept
            ? 'gives no certificate that could be kept: leave --output and --manifest out'
            : undefined;
  if (why !== undefined) throw new CommandError(exit.usage, `--mode expected ${why}.`);
}

function assumptionOf(text: string): 'missing-at-random' {
  if (text === 'missing-at-random') return text;
  throw new CommandError(exit.usage, `--assume ${text}: the one assumption is missing-at-random.`);
}

/** A bound on time needs known times. */
function requireKnownTimes(options: CertifyOptions, items: ReturnType<typeof completeItems>['items']): void {
  const times = constraintsOf(options).find(({ kind }) => kind.endsWith('p95'));
  if (!times) return;
  const lacking = items.filter(({ outcomes }) =>
    [...outcomes.values()].some(
      o => o.latencyMs === undefined || (times.kind === 'ttft_p95' && !o.failure && o.firstTokenMs === undefined),
    ),
  ).length;
  if (lacking === 0) return;
  const flag = times.kind === 'ttft_p95' ? '--max-ttft-p95' : '--max-p95';
  throw new CommandError(
    exit.usage,
    `${flag}: the time of ${lacking} of ${items.length} requests is not known for every target; leave the bound out.`,
  );
}

/** Said before any work is done. */
function routeToEdit(options: CertifyCommandOptions): string {
  const { file, routes } = loadSettings(options);
  if (file === undefined) throw new CommandError(exit.usage, '--write needs a config file to write to; name it with --config.');
  if (routes.has(options.chain)) return file;
  throw new CommandError(exit.usage, `--write needs a route of ${file}, not targets: --chain ${[...routes.keys()][0] ?? 'ROUTE'}.`);
}
