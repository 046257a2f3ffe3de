/** The first lines of a report: the population, how each target's outcomes are known, and how to learn more of them. */
import { usd } from '../../gateway/core/money/price.ts';
import { isUndrawn, type Population, populationOf, type TargetKnowledge } from '../identification/population.ts';
import type { CompleteItems, Outcomes } from '../outcomes/outcomes.ts';
import type { Chain } from '../policies/chain.ts';
import { count, percent } from './shared/format.ts';

/** Where and when the requests were recorded, and under how many configurations; nothing for a file. */
export function sourceNotes({ source }: Pick<Outcomes, 'source'>): readonly string[] {
  if (!source) return [];
  const { routes, configurations, from, to, requests, withoutConversation } = source;
  const day = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ');
  const shown = routes.length > 3 ? [...routes.slice(0, 3), `${routes.length - 3} more`] : routes;
  const alone =
    withoutConversation === requests
      ? 'No request names a conversation'
      : `${count(withoutConversation, 'request')} of ${requests.toLocaleString('en')} name no conversation`;
  return [
    `Recorded from ${day(from)} to ${day(to)} UTC, route ${shown.join(', ')}, ${count(configurations, 'configuration')}.`,
    ...(withoutConversation === 0
      ? []
      : [
          `${alone}: each counts as independent of all others. Where they belong together, send x-hindcast-conversation: intervals are too narrow without it.`,
        ]),
  ];
}

/** The first lines of a comparison of two sides: the requests, those that are compared, and how each column is known. */
export function comparedNotes(kept: CompleteItems, outcomes: Outcomes): readonly string[] {
  const population = populationOf(kept.population, kept.targets);
  const undrawn = kept.population.filter(isUndrawn).length;
  const drawn = undrawn === 0 ? '' : ` ${count(undrawn, 'request')} were not drawn; the drawn ones stand for them.`;
  return [
    `${count(population.requests, 'request')}; ${kept.items.length.toLocaleString('en')} of them are compared.${drawn}`,
    ...population.targets.filter(({ unknown, unlabelled }) => unknown + unlabelled > 0).map(target => knowledgeText(target, population)),
    ...sourceNotes(outcomes),
  ];
}

/** One sentence for the population, one for each target that is not known for all, and the remedy. */
export function populationNotes(population: Population, { name, targets }: Pick<Chain, 'name' | 'targets'>): readonly string[] {
  const { requests, complete } = population;
  const head = `${count(requests, 'request')} of ${name}; every outcome is known for ${complete.toLocaleString('en')}.`;
  const partly = population.targets.filter(target => target.unknown + target.unlabelled > 0);
  if (partly.length === 0) return [head];
  return [head, ...partly.map(target => knowledgeText(target, population)), ...remedies(population, targets.at(-1)!)];
}

function knowledgeText({ target, asked, drawn, unlabelled, unknown }: TargetKnowledge, { requests, chanceMin }: Population): string {
  const ways = [
    ...(asked > 0 ? [`${asked.toLocaleString('en')} because it was called`] : []),
    ...(drawn > 0 ? [`${drawn.toLocaleString('en')} drawn with a chance of ${chanceMin!.toPrecision(2)} or more`] : []),
  ];
  const lacks = [
    ...(unknown > 0 ? [`${unknown.toLocaleString('en')} unknown`] : []),
    ...(unlabelled > 0 ? [`${unlabelled.toLocaleString('en')} answered without a quality`] : []),
  ];
  return `${target} is known for ${percent((asked + drawn) / requests)}: ${[...ways, ...lacks].join(', ')}.`;
}

/** What would identify what is not known, with its calls and their price where one is known. */
function remedies({ targets, chanceMin }: Population, last: string): readonly string[] {
  const lacking = targets.filter(({ unknown }) => unknown > 0);
  const unlabelled = targets.some(target => target.unlabelled > 0);
  const isSampled = chanceMin !== undefined;
  return [
    ...lacking
      .filter(({ target }) => !(isSampled && target === last))
      .map(({ target, unknown, meanCostNanoUsd }) => {
        const price = Number.isNaN(meanCostNanoUsd) ? '' : `, about $${usd(meanCostNanoUsd * unknown).toFixed(2)}`;
        const audit = target === last ? 'audit_probability: 0.03 on the route for some days, or ' : '';
        return `Unknown outcomes count as the worst they can be. To know them: ${audit}hindcast replay run --against ${target} --only-missing (${count(unknown, 'call')}${price}).`;
      }),
    ...(unlabelled
      ? [
          'Answers without a quality count as the worst they can be. To know them: score them (`hindcast eval score`, `hindcast eval label`).',
        ]
      : []),
  ];
}
