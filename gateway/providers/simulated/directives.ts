/** Directives of the simulation after the colon of a model name: `small:status=429,retry_after=2`. */

interface DirectiveRule {
  readonly min: number;
  readonly max: number;
  readonly integer?: true;
  /** The value of a bare directive; absent means that it needs one. */
  readonly defaultValue?: number;
}

export const tokensMax = 10_000;
const flag: DirectiveRule = { min: 1, max: 1, defaultValue: 1 };

const directiveRules = {
  right: flag,
  wrong: flag,
  refuse: flag,
  status: { min: 400, max: 599, integer: true },
  retry_after: { min: 0, max: 3_600 },
  flaky: { min: 0, max: 1 },
  error_in_200: { min: 0, max: tokensMax, integer: true, defaultValue: 0 },
  cut: { min: 0, max: tokensMax, integer: true },
  stall: { min: 0, max: tokensMax, integer: true },
  ttft: { min: 0, max: 600_000 },
  tps: { min: 0.1, max: 1_000_000 },
  tokens: { min: 1, max: tokensMax, integer: true },
  logprob: { min: 0.000001, max: 1 },
} as const satisfies Record<string, DirectiveRule>;

type DirectiveName = keyof typeof directiveRules;
export type Directives = Readonly<Partial<Record<DirectiveName, number>>>;

export interface ModelWithDirectives {
  /** The model without its directives. */
  readonly name: string;
  readonly directives: Directives;
}

/** Directives are separated by commas or, where a comma already separates targets, by colons. */
export function parseDirectives(model: string): ModelWithDirectives | { readonly problem: string } {
  const [name = '', ...rest] = model.split(':');
  const directives: Partial<Record<DirectiveName, number>> = {};
  for (const text of rest.flatMap(part => part.split(','))) {
    const [key = '', value] = text.split('=', 2);
    if (!isDirective(key))
      return {
        problem: `The model name has an unknown directive '${key.slice(0, 80)}'. Known: ${Object.keys(directiveRules).join(', ')}.`,
      };
    const number = parseValue(directiveRules[key], value);
    if (number === undefined) return { problem: `The directive '${key}' of the model name ${expectation(directiveRules[key])}.` };
    directives[key] = number;
  }
  if (directives.right && directives.wrong) return { problem: "The directives 'right' and 'wrong' of the model name exclude each other." };
  return { name, directives };
}

const isDirective = (key: string): key is DirectiveName => Object.hasOwn(directiveRules, key);

function parseValue(rule: DirectiveRule, value: string | undefined): number | undefined {
  if (value === undefined) return rule.defaultValue;
  if (!/^\d+(\.\d+)?$/.test(value)) return undefined;
  const number = Number(value);
  return number >= rule.min && number <= rule.max && (!rule.integer || Number.isInteger(number)) ? number : undefined;
}

const expectation = (rule: DirectiveRule): string =>
  rule === flag ? 'takes no value' : `takes a ${rule.integer ? 'whole ' : ''}number from ${rule.min} to ${rule.max}`;
